%% A member speaks.
-module(chat_in).
-compile({parse_transform, maty_transform}).
-maty_protocol({file, "../chat/chat.scr", 'ChatIn'}).
