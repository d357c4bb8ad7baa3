-- The login that Grafana reads Balde's views with. Run it as an administrator, after `balde migrate`, on Balde's database:
--   psql --set=password='…' --set=ON_ERROR_STOP=1 --file=role.sql postgresql://admin@db.internal/balde
-- Run again, it sets the password anew.
do $$
begin
  create role grafana login;
exception
  when duplicate_object then null;
end
$$;

alter role grafana with password :'password';
grant balde_readonly to grafana;

-- Nothing that a page asks may hurt the work: no writing, and no question that goes on for long.
alter role grafana set default_transaction_read_only = on;
alter role grafana set statement_timeout = '10s';
