"""The tables of the crisis protocol: who is on call, alarms that climb until somebody answers, and the pages they send."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE conversations
    ADD COLUMN suppressed boolean NOT NULL DEFAULT false,
    ADD COLUMN staff boolean NOT NULL DEFAULT false;
ALTER TABLE inbox ADD COLUMN answered boolean NOT NULL DEFAULT false;
ALTER TABLE outbox DROP CONSTRAINT outbox_purpose_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_purpose_check CHECK (purpose IN ('crisis', 'reply', 'proactive', 'page'));
-- What is due later stands behind what is due now, so that no claim reads through tomorrow's broadcast.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (sender, urgent DESC, due_at, id) WHERE state = 'queued';
CREATE INDEX outbox_crisis ON outbox (conversation_id, id) WHERE state IN ('queued', 'sending') AND purpose = 'crisis';

CREATE TABLE duty_people (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    sms         text,
    telegram    text,
    webhook     text,
    routing_key text,
    email       text,
    supervisor  boolean NOT NULL DEFAULT false,
    left_at     timestamptz
);
CREATE INDEX duty_people_sms ON duty_people (sms) WHERE left_at IS NULL;
CREATE INDEX duty_people_telegram ON duty_people (telegram) WHERE left_at IS NULL;

CREATE TABLE duty_lines (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day     smallint NOT NULL CHECK (day BETWEEN 0 AND 7),
    starts  smallint NOT NULL CHECK (starts BETWEEN 0 AND 1439),
    lasts   smallint NOT NULL CHECK (lasts BETWEEN 1 AND 1440),
    people  bigint[] NOT NULL
);

CREATE TABLE duty_overrides (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL CHECK (ends_at > starts_at),
    people    bigint[] NOT NULL
);

CREATE TABLE duty_holidays (
    nation text NOT NULL,
    day    date NOT NULL,
    PRIMARY KEY (nation, day)
);

CREATE TABLE alarms (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handoff_id      bigint NOT NULL REFERENCES handoffs,
    conversation_id bigint NOT NULL REFERENCES conversations,
    reference       text NOT NULL CHECK (reference ~ '^[0-9]{4}$'),
    level           text NOT NULL,
    concern         text NOT NULL,
    rung            smallint NOT NULL DEFAULT 0,
    opened_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    told_at         timestamptz,
    nobody_at       timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    ended_at        timestamptz
);
CREATE UNIQUE INDEX alarms_reference ON alarms (reference) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX alarms_open ON alarms (conversation_id) WHERE ended_at IS NULL;
CREATE INDEX alarms_due ON alarms (due_at) WHERE ended_at IS NULL AND acknowledged_at IS NULL;
CREATE INDEX alarms_of ON alarms (handoff_id);

CREATE TABLE pages (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id       bigint NOT NULL REFERENCES alarms,
    duty_person_id bigint NOT NULL REFERENCES duty_people,
    rung           smallint NOT NULL,
    means          text NOT NULL CHECK (means IN ('sms', 'telegram', 'webhook')),
    outbox_id      bigint REFERENCES outbox,
    token          bytea NOT NULL UNIQUE,
    text           text NOT NULL,
    state          text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'accepted', 'failed')),
    attempts       smallint NOT NULL DEFAULT 0,
    code           text,
    made_at        timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    accepted_at    timestamptz,
    failed_at      timestamptz,
    UNIQUE (outbox_id)
);
CREATE INDEX pages_of ON pages (alarm_id, rung);
CREATE INDEX pages_webhooks ON pages (due_at) WHERE means = 'webhook' AND state IN ('queued', 'sending');
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with everything in them. Pages that wait to be sent are dropped too."""
    op.execute(
        """
        DROP TABLE pages, alarms, duty_holidays, duty_overrides, duty_lines, duty_people;
        DELETE FROM outbox WHERE purpose = 'page';
        ALTER TABLE outbox DROP CONSTRAINT outbox_purpose_check;
        ALTER TABLE outbox ADD CONSTRAINT outbox_purpose_check CHECK (purpose IN ('crisis', 'reply', 'proactive'));
        DROP INDEX outbox_crisis, outbox_due;
        CREATE INDEX outbox_due ON outbox (sender, urgent DESC, id) WHERE state = 'queued';
        ALTER TABLE inbox DROP COLUMN answered;
        ALTER TABLE conversations DROP COLUMN suppressed, DROP COLUMN staff;
        """
    )
