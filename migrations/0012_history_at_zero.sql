-- Up Migration
-- The index that read model "states" has from now on (projections/states/tables.sql), in every version that there is.
-- It changes nothing but how fast a question is answered. Whoever writes history waits until it is there.

do $$
declare
  version record;
begin
  for version in
    select c.relnamespace::regnamespace::text as schema
    from pg_class c
    where c.relkind = 'p' and c.relname = 'history' and c.relnamespace::regnamespace::text ~ '^states_v\d+$'
  loop
    execute format(
      'create index if not exists history_at_zero on %s.history (participant, endpoint_id, response_time)
       where available_tokens <= 0',
      version.schema
    );
  end loop;
end
$$;
