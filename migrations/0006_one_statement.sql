-- Up Migration
-- Ends the statement that moves checkpoints if someone else moved one: the same error wherever in a statement it is asked.
create function balde.expect_moved(moved bigint, expected bigint, fold text, version integer) returns void
language plpgsql as $$
begin
  if moved <> expected then
    raise exception 'the checkpoint of % version % was moved by someone else', fold, version using errcode = 'BD001';
  end if;
end $$;
