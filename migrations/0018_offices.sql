-- Up Migration
-- What a process stands by for while another one does it, and when each participant that it polls is asked next, and why.
-- Written by processes of this version; those before leave both empty.

alter table balde.process
  add column standing_by text[] not null default '{}',
  add column next_polls jsonb not null default '[]';
