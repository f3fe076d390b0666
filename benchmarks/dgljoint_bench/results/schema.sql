-- The results file of `dgljoint benchmark`: one SQLite database, whatever the number of suites.
-- Text columns marked JSON contain UTF-8 JSON; metrics are in [0, 1] unless noted.

-- A suite as it was last run.
CREATE TABLE suite (
    name        TEXT NOT NULL PRIMARY KEY,
    definition  TEXT NOT NULL              -- JSON: the suite, every setting of it
) STRICT;

-- A table of a suite: a data set and its split.
CREATE TABLE data (
    suite          TEXT NOT NULL REFERENCES suite (name),
    name           TEXT NOT NULL,          -- of the table, unique in the suite
    place          INTEGER NOT NULL,       -- in the order of the suite
    data           TEXT NOT NULL,          -- name of the data set
    cascades       INTEGER NOT NULL,
    posts          INTEGER NOT NULL,
    digest         TEXT NOT NULL,          -- of the content of the cascade file
    split          TEXT NOT NULL,          -- name of the split
    split_digest   TEXT NOT NULL,
    kept_apart     TEXT,                   -- what is never on both sides; NULL: random folds
    ordered        INTEGER NOT NULL,       -- 1: each class is tested on its later cascades
    folds          INTEGER NOT NULL,       -- that can be tested, from 0
    test_on        TEXT,                   -- name of another data set that is tested on, or NULL
    test_digest    TEXT,                   -- of its content
    test_shared    INTEGER,                -- its cascades that are also in the first, left out
    PRIMARY KEY (suite, name)
) STRICT;

-- A run: one configuration on one fold with one seed. Classifiers that see only one property, without
-- a model, are one row per fold, with the configuration '' and the seed 0.
CREATE TABLE cell (
    id              INTEGER NOT NULL PRIMARY KEY,
    suite           TEXT NOT NULL,
    data            TEXT NOT NULL,
    configuration   TEXT NOT NULL,
    fold            INTEGER NOT NULL,
    seed            INTEGER NOT NULL,
    digest          TEXT NOT NULL,         -- of all that the run's metrics depend on
    state           TEXT NOT NULL CHECK (state IN ('done', 'failed')),
    config          TEXT NOT NULL,         -- JSON: the full configuration of the chosen trial
    versions        TEXT NOT NULL,         -- JSON: of Python, packages and plugins
    seconds         REAL,                  -- of its process, from start to end, all trials
    cpu_seconds     REAL,                  -- that it computed, user and system
    peak_megabytes  REAL,                  -- most memory resident at once
    parameters      INTEGER,               -- trainable, of the model
    best_epoch      INTEGER,               -- selected on the validation set
    tests_seen      INTEGER,               -- test cascades read before selection ended: 0
    message         TEXT,                  -- why it failed
    hint            TEXT,
    exit_code       INTEGER NOT NULL,      -- 0 unless it failed
    UNIQUE (suite, data, configuration, fold, seed),
    FOREIGN KEY (suite, data) REFERENCES data (suite, name)
) STRICT;

-- A metric of the test set, of the model (row 'model') or of a trivial guess. A name may
-- end with a deadline: 'accuracy@1h'.
CREATE TABLE figure (
    cell   INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,
    row    TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  REAL NOT NULL,
    PRIMARY KEY (cell, row, name)
) STRICT, WITHOUT ROWID;

-- The trials: the same number for every configuration; the best validation score is chosen.
CREATE TABLE trial (
    cell        INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,          -- from 0
    settings    TEXT NOT NULL,             -- JSON: what the trial sets
    validation  REAL,                      -- the score epochs are selected by; NULL: diverged
    epochs      INTEGER NOT NULL,          -- trained
    chosen      INTEGER NOT NULL,          -- 1 for the trial whose metrics are the run's
    PRIMARY KEY (cell, number)
) STRICT, WITHOUT ROWID;

-- The learning curve of the chosen trial, on the validation set.
CREATE TABLE epoch (
    cell   INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,
    epoch  INTEGER NOT NULL,               -- from 1
    name   TEXT NOT NULL,                  -- score, accuracy, macro_f1, mrr; seconds
    value  REAL NOT NULL,
    PRIMARY KEY (cell, epoch, name)
) STRICT, WITHOUT ROWID;
