[
  inputs: ["{mix,.formatter}.exs", "{src,test,examples}/**/*.{ex,exs}"]
]
