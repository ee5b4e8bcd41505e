%% The room speaks.
-module(chat_out).
-compile({parse_transform, maty_transform}).
-maty_protocol({file, "../chat/chat.scr", 'ChatOut'}).
