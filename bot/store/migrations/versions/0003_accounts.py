"""Staff accounts: people, invitations, recovery codes, sessions, tries to sign in, and the audit that only grows."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE staff (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL UNIQUE CHECK (email = lower(email)),
    name          text NOT NULL,
    roles         text[] NOT NULL
                  CHECK (roles <@ ARRAY['advisor', 'editor', 'supervisor', 'safety-lead', 'administrator']),
    teams         text[] NOT NULL DEFAULT '{}',
    languages     text[] NOT NULL DEFAULT '{}',
    topics        text[] NOT NULL DEFAULT '{}',
    password_hash text,
    totp_secret   text,
    totp_step     bigint NOT NULL DEFAULT 0,
    subject       text UNIQUE,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);

CREATE TABLE invitations (
    token_hash bytea PRIMARY KEY,
    staff_id   bigint UNIQUE REFERENCES staff,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX invitations_first ON invitations ((staff_id IS NULL)) WHERE staff_id IS NULL;

CREATE TABLE recovery_codes (
    staff_id  bigint NOT NULL REFERENCES staff,
    code_hash bytea NOT NULL,
    used_at   timestamptz,
    PRIMARY KEY (staff_id, code_hash)
);

CREATE TABLE sessions (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash   bytea NOT NULL UNIQUE,
    staff_id     bigint NOT NULL REFERENCES staff,
    stage        text NOT NULL CHECK (stage IN ('enrol', 'code', 'full')),
    totp_pending text,
    address      text NOT NULL,
    agent        text NOT NULL,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX sessions_live ON sessions (staff_id) WHERE ended_at IS NULL;

CREATE TABLE login_attempts (
    kind          text NOT NULL CHECK (kind IN ('account', 'address')),
    key_hash      bytea NOT NULL,
    failures      integer NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL,
    PRIMARY KEY (kind, key_hash)
);

CREATE TABLE audit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    staff_id        bigint REFERENCES staff,
    what            text NOT NULL,
    conversation_id bigint,
    address         text NOT NULL,
    details         jsonb NOT NULL
);
CREATE INDEX audit_staff ON audit (staff_id, id);
CREATE INDEX audit_conversation ON audit (conversation_id, id) WHERE conversation_id IS NOT NULL;
CREATE INDEX audit_what ON audit (what, id);
CREATE INDEX audit_at ON audit (at);

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with everything in them."""
    op.execute("DROP TABLE audit, login_attempts, sessions, recovery_codes, invitations, staff")
    op.execute("DROP FUNCTION audit_only_grows")
