-- Up Migration
-- Locks that only the owner of this table can take: whoever may connect could hold an advisory lock for ever.
create table balde.lock (name text primary key);
