-- Up Migration
-- The text of the views that a version is shown through: programs of another revision have other views, and must be able
-- to go back to it. Null of a version whose own program has not started since.
alter table balde.projection add column views_sql text;
