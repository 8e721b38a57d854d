"""The tables of the main job: conversations, what comes in, what goes out, and what is due."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE conversations (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel          text NOT NULL CHECK (channel IN ('sms', 'whatsapp', 'telegram')),
    account          text NOT NULL,
    address          text NOT NULL,
    external_user_id text,
    profile_name     text NOT NULL DEFAULT '',
    source           text,
    language         text NOT NULL DEFAULT '',
    level            text NOT NULL DEFAULT 'P3',
    state            jsonb NOT NULL DEFAULT '{}',
    stopped_at       timestamptz,
    reachable        boolean NOT NULL DEFAULT true,
    last_inbound_at  timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel, account, address)
);

CREATE TABLE inbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL REFERENCES conversations,
    channel         text NOT NULL,
    account         text NOT NULL,
    provider_id     text NOT NULL,
    sequence        bigint NOT NULL DEFAULT 0,
    kind            text NOT NULL,
    text            text NOT NULL DEFAULT '',
    payload         jsonb NOT NULL,
    signal          jsonb,
    urgent          boolean NOT NULL DEFAULT false,
    received_at     timestamptz NOT NULL,
    edited_at       timestamptz,
    processed_at    timestamptz,
    UNIQUE (channel, account, provider_id)
);
CREATE INDEX inbox_thread ON inbox (conversation_id, id);
CREATE INDEX inbox_due ON inbox (conversation_id, sequence, id) WHERE processed_at IS NULL;
CREATE INDEX inbox_earliest ON inbox (urgent, id) WHERE processed_at IS NULL;

CREATE TABLE consents (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL REFERENCES conversations,
    word            text NOT NULL CHECK (word IN ('stop', 'start')),
    origin          text NOT NULL CHECK (origin IN ('tenant', 'provider')),
    at              timestamptz NOT NULL
);
CREATE INDEX consents_of ON consents (conversation_id, id);

CREATE TABLE outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL REFERENCES conversations,
    inbox_id        bigint REFERENCES inbox,
    position        smallint NOT NULL DEFAULT 0,
    sender          text NOT NULL,
    purpose         text NOT NULL CHECK (purpose IN ('crisis', 'reply', 'proactive')),
    urgent          boolean NOT NULL DEFAULT false,
    text            text NOT NULL,
    part            jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'cancelled')),
    outcome         text,
    code            text,
    verify          boolean NOT NULL DEFAULT false,
    attempts        smallint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    first_tried_at  timestamptz,
    lease_until     timestamptz,
    claim           bigint NOT NULL DEFAULT 0,
    sent_at         timestamptz,
    provider_id     text,
    delivery        text CHECK (delivery IN ('queued', 'sent', 'delivered', 'read', 'undelivered', 'failed')),
    delivered_at    timestamptz,
    UNIQUE (inbox_id, position)
);
CREATE INDEX outbox_thread ON outbox (conversation_id, id);
CREATE INDEX outbox_waiting ON outbox (conversation_id, id) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_due ON outbox (sender, urgent DESC, id) WHERE state = 'queued';
CREATE INDEX outbox_failed ON outbox (created_at) WHERE state = 'failed';
CREATE UNIQUE INDEX outbox_one_in_flight ON outbox (conversation_id) WHERE state = 'sending';

CREATE TABLE timers (
    conversation_id bigint NOT NULL REFERENCES conversations,
    name            text NOT NULL,
    started_by      bigint NOT NULL,
    due_at          timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, name)
);
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE handoffs (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL REFERENCES conversations,
    inbox_id        bigint REFERENCES inbox,
    queue           text NOT NULL,
    level           text NOT NULL,
    reason          text NOT NULL,
    fields          jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'queued'
                    CHECK (state IN ('queued', 'offered', 'claimed', 'closed', 'returned', 'transferred', 'withdrawn', 'lapsed')),
    opened_at       timestamptz NOT NULL,
    raised_at       timestamptz
);
CREATE UNIQUE INDEX handoffs_open ON handoffs (conversation_id, queue) WHERE state IN ('queued', 'offered', 'claimed');
CREATE INDEX handoffs_waiting ON handoffs (level, opened_at) WHERE state = 'queued';

CREATE TABLE fields (
    conversation_id bigint NOT NULL REFERENCES conversations,
    name            text NOT NULL,
    value           text NOT NULL,
    inbox_id        bigint REFERENCES inbox,
    at              timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, name)
);

CREATE TABLE media (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inbox_id     bigint NOT NULL REFERENCES inbox,
    position     smallint NOT NULL,
    ref          text NOT NULL,
    kind         text NOT NULL,
    content_type text NOT NULL,
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'stored', 'refused', 'failed')),
    problem      text,
    path         text,
    size         bigint,
    attempts     smallint NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    UNIQUE (inbox_id, position)
);
CREATE INDEX media_due ON media (due_at) WHERE state = 'queued';

CREATE TABLE misses (
    inbox_id bigint PRIMARY KEY REFERENCES inbox,
    flow     text NOT NULL,
    state    text NOT NULL,
    at       timestamptz NOT NULL
);

CREATE TABLE author_errors (
    flow     text NOT NULL,
    state    text NOT NULL,
    problem  text NOT NULL,
    revision text NOT NULL,
    times    bigint NOT NULL DEFAULT 1,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (flow, state, problem, revision)
);

CREATE TABLE revisions (
    revision text PRIMARY KEY,
    book     jsonb NOT NULL,
    seen_at  timestamptz NOT NULL
);

CREATE TABLE processes (
    id         text PRIMARY KEY,
    role       text NOT NULL,
    host       text NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
);

CREATE TABLE channel_marks (
    channel text NOT NULL,
    account text NOT NULL,
    name    text NOT NULL,
    value   text NOT NULL,
    PRIMARY KEY (channel, account, name)
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with everything in them."""
    op.execute(
        "DROP TABLE channel_marks, processes, revisions, author_errors, misses, media, fields, handoffs, timers,"
        " outbox, consents, inbox, conversations"
    )
