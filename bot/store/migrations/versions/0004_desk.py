"""The tables of the desk: offers, claims and clocks of handoffs, presence, notes, drafts, people, and the stream of changes."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE handoffs
    ADD COLUMN team text NOT NULL DEFAULT '',
    ADD COLUMN for_staff bigint REFERENCES staff,
    ADD COLUMN offered_to bigint REFERENCES staff,
    ADD COLUMN offer_until timestamptz,
    ADD COLUMN claimed_by bigint REFERENCES staff,
    ADD COLUMN claimed_at timestamptz,
    ADD COLUMN replied_at timestamptz,
    ADD COLUMN clock_level text,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN warned_at timestamptz,
    ADD COLUMN lapsed_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN ended_by bigint REFERENCES staff,
    ADD COLUMN outcome text,
    ADD COLUMN agency text,
    ADD COLUMN because text,
    ADD COLUMN help_asked_at timestamptz,
    ADD COLUMN second_look_by bigint REFERENCES staff,
    ADD COLUMN second_look_at timestamptz;
DROP INDEX handoffs_waiting;
CREATE INDEX handoffs_live ON handoffs (level, due_at, id) WHERE state IN ('queued', 'offered', 'claimed');
CREATE INDEX handoffs_of ON handoffs (conversation_id, id);
CREATE INDEX handoffs_claimed ON handoffs (claimed_by) WHERE state = 'claimed';
CREATE INDEX handoffs_second_look ON handoffs (ended_at)
    WHERE level IN ('P0', 'P1') AND state = 'closed' AND second_look_at IS NULL;

CREATE TABLE declines (
    handoff_id bigint NOT NULL REFERENCES handoffs,
    staff_id   bigint NOT NULL REFERENCES staff,
    at         timestamptz NOT NULL,
    PRIMARY KEY (handoff_id, staff_id)
);

CREATE TABLE joined (
    handoff_id bigint NOT NULL REFERENCES handoffs,
    staff_id   bigint NOT NULL REFERENCES staff,
    at         timestamptz NOT NULL,
    PRIMARY KEY (handoff_id, staff_id)
);

CREATE TABLE teams (
    name         text PRIMARY KEY,
    opening      jsonb,
    out_of_hours text
);

CREATE TABLE presence (
    staff_id   bigint PRIMARY KEY REFERENCES staff,
    status     text NOT NULL CHECK (status IN ('available', 'break', 'light', 'away', 'offline')),
    since      timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    load_limit smallint NOT NULL DEFAULT 5 CHECK (load_limit BETWEEN 1 AND 50)
);

CREATE TABLE notes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL REFERENCES conversations,
    staff_id        bigint NOT NULL REFERENCES staff,
    kind            text NOT NULL CHECK (kind IN ('note', 'support', 'safeguarding')),
    text            text NOT NULL,
    at              timestamptz NOT NULL
);
CREATE INDEX notes_of ON notes (conversation_id, id);

CREATE TABLE drafts (
    staff_id        bigint NOT NULL REFERENCES staff,
    conversation_id bigint NOT NULL REFERENCES conversations,
    text            text NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (staff_id, conversation_id)
);

CREATE UNLOGGED TABLE looking (
    conversation_id bigint NOT NULL REFERENCES conversations,
    staff_id        bigint NOT NULL REFERENCES staff,
    seen_at         timestamptz NOT NULL,
    typed_at        timestamptz,
    PRIMARY KEY (conversation_id, staff_id)
);

CREATE TABLE people (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL
);
ALTER TABLE conversations ADD COLUMN person_id bigint REFERENCES people;
CREATE INDEX conversations_person ON conversations (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX conversations_name ON conversations (lower(profile_name) text_pattern_ops) WHERE profile_name <> '';
CREATE INDEX conversations_address ON conversations (address text_pattern_ops);
CREATE INDEX inbox_words ON inbox USING gin (to_tsvector('simple', text)) WHERE text <> '';

-- A row's transaction orders the stream: ids are given before they are committed, and a reader could pass one by.
CREATE TABLE desk_events (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at              timestamptz NOT NULL DEFAULT now(),
    kind            text NOT NULL,
    conversation_id bigint,
    handoff_id      bigint,
    staff_id        bigint,
    level           text NOT NULL DEFAULT 'P3',
    PRIMARY KEY (xid, id)
);
CREATE INDEX desk_events_age ON desk_events (at);

CREATE FUNCTION tell_desk(kind text, conversation bigint, handoff bigint, staff bigint, level text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO desk_events (kind, conversation_id, handoff_id, staff_id, level)
    VALUES (kind, conversation, handoff, staff, level);
    SELECT pg_notify('desk', '');
$$;

CREATE FUNCTION handoff_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM tell_desk('handoff', NEW.conversation_id, NEW.id, NULL, NEW.level);
    ELSIF NEW.level < OLD.level THEN
        PERFORM tell_desk('raised', NEW.conversation_id, NEW.id, NEW.claimed_by, NEW.level);
    ELSIF NEW.state = 'offered' AND (OLD.state <> 'offered' OR NEW.offered_to IS DISTINCT FROM OLD.offered_to) THEN
        PERFORM tell_desk('offer', NEW.conversation_id, NEW.id, NEW.offered_to, NEW.level);
    ELSIF NEW.warned_at IS DISTINCT FROM OLD.warned_at AND NEW.warned_at IS NOT NULL THEN
        PERFORM tell_desk('warning', NEW.conversation_id, NEW.id, NEW.claimed_by, NEW.level);
    ELSIF NEW.lapsed_at IS DISTINCT FROM OLD.lapsed_at AND NEW.lapsed_at IS NOT NULL THEN
        PERFORM tell_desk('lapsed', NEW.conversation_id, NEW.id, NEW.claimed_by, NEW.level);
    ELSE
        PERFORM tell_desk('changed', NEW.conversation_id, NEW.id, NEW.claimed_by, NEW.level);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        -- Whoever it leaves is told too: their page shows it until then.
        IF OLD.offered_to IS NOT NULL AND OLD.offered_to IS DISTINCT FROM NEW.offered_to
            AND OLD.offered_to IS DISTINCT FROM NEW.claimed_by THEN
            PERFORM tell_desk('changed', NEW.conversation_id, NEW.id, OLD.offered_to, NEW.level);
        END IF;
        IF OLD.claimed_by IS DISTINCT FROM NEW.claimed_by AND OLD.claimed_by IS NOT NULL THEN
            PERFORM tell_desk('changed', NEW.conversation_id, NEW.id, OLD.claimed_by, NEW.level);
        END IF;
        IF OLD.help_asked_at IS NOT NULL AND NEW.help_asked_at IS NULL THEN
            PERFORM tell_desk('helped', NEW.conversation_id, NEW.id, NEW.claimed_by, NEW.level);
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER handoff_inserted AFTER INSERT ON handoffs FOR EACH ROW EXECUTE FUNCTION handoff_changed();
CREATE TRIGGER handoff_updated AFTER UPDATE ON handoffs FOR EACH ROW
    WHEN ((OLD.state, OLD.level, OLD.team, OLD.offered_to, OLD.claimed_by, OLD.warned_at, OLD.lapsed_at, OLD.for_staff,
           OLD.help_asked_at)
          IS DISTINCT FROM
          (NEW.state, NEW.level, NEW.team, NEW.offered_to, NEW.claimed_by, NEW.warned_at, NEW.lapsed_at, NEW.for_staff,
           NEW.help_asked_at))
    EXECUTE FUNCTION handoff_changed();

CREATE FUNCTION thread_grew() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE live handoffs%ROWTYPE;
BEGIN
    SELECT * INTO live FROM handoffs
    WHERE conversation_id = NEW.conversation_id AND state IN ('queued', 'offered', 'claimed') ORDER BY level, id LIMIT 1;
    IF FOUND THEN
        PERFORM tell_desk(TG_ARGV[0], NEW.conversation_id, live.id, live.claimed_by, live.level);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER inbox_grew AFTER INSERT ON inbox FOR EACH ROW
    WHEN (NEW.kind IN ('message', 'edit', 'button')) EXECUTE FUNCTION thread_grew('message');
CREATE TRIGGER outbox_grew AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION thread_grew('said');
CREATE TRIGGER outbox_went AFTER UPDATE ON outbox FOR EACH ROW
    WHEN (NEW.delivery IS DISTINCT FROM OLD.delivery OR NEW.state = 'failed' AND OLD.state <> 'failed')
    EXECUTE FUNCTION thread_grew('ticks');
CREATE TRIGGER noted AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION thread_grew('note');
"""

AWAY = """
DROP TRIGGER noted ON notes;
DROP TRIGGER outbox_went ON outbox;
DROP TRIGGER outbox_grew ON outbox;
DROP TRIGGER inbox_grew ON inbox;
DROP TRIGGER handoff_updated ON handoffs;
DROP TRIGGER handoff_inserted ON handoffs;
DROP FUNCTION thread_grew;
DROP FUNCTION handoff_changed;
DROP FUNCTION tell_desk;
DROP TABLE desk_events, looking, drafts, notes, presence, teams, joined, declines;
DROP INDEX inbox_words, conversations_address, conversations_name;
ALTER TABLE conversations DROP COLUMN person_id;
DROP TABLE people;
DROP INDEX handoffs_live, handoffs_of;
CREATE INDEX handoffs_waiting ON handoffs (level, opened_at) WHERE state = 'queued';
ALTER TABLE handoffs DROP COLUMN team, DROP COLUMN for_staff, DROP COLUMN offered_to, DROP COLUMN offer_until,
    DROP COLUMN claimed_by, DROP COLUMN claimed_at, DROP COLUMN replied_at, DROP COLUMN clock_level, DROP COLUMN due_at,
    DROP COLUMN warned_at, DROP COLUMN lapsed_at, DROP COLUMN ended_at, DROP COLUMN ended_by, DROP COLUMN outcome,
    DROP COLUMN agency, DROP COLUMN because, DROP COLUMN help_asked_at, DROP COLUMN second_look_by, DROP COLUMN second_look_at;
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, with everything in them."""
    op.execute(AWAY)
