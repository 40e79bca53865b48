-- The application's role: it owns its database, runs the migrations, and can do nothing else. Read by psql when the volume of docker-compose.yml is new;
-- on a PostgreSQL of your own, run it once as its superuser, with the password where it reads it.
\set password `cat /run/secrets/database_password`
CREATE ROLE tebdil LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE tebdil OWNER tebdil;
-- Else every role of the server may connect.
REVOKE ALL ON DATABASE tebdil FROM PUBLIC;
