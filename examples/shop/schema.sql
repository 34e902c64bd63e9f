CREATE TABLE IF NOT EXISTS products (
  name TEXT PRIMARY KEY,
  cost INTEGER NOT NULL,             -- pence
  price INTEGER NOT NULL,            -- pence, in the back office
  published_price INTEGER NOT NULL,  -- pence, as customers see it
  stock INTEGER NOT NULL CHECK (stock >= 0),
  on_the_way INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS orders (
  id INTEGER PRIMARY KEY,
  product TEXT NOT NULL REFERENCES products (name),
  paid INTEGER NOT NULL,             -- pence
  reported INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY, orders INTEGER NOT NULL, total INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mails (
  id INTEGER PRIMARY KEY,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  product TEXT NOT NULL REFERENCES products (name)
);
CREATE TABLE IF NOT EXISTS sign (id INTEGER PRIMARY KEY CHECK (id = 1), lit INTEGER NOT NULL, percent_off INTEGER NOT NULL);
-- One row for each run of a task: what the page /runs shows and what the demo checks.
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,               -- 'by hand' where no beat sent the task
  task TEXT NOT NULL,
  fire_time TEXT,                    -- ISO 8601, UTC
  ran_at TEXT NOT NULL,              -- ISO 8601, UTC
  said TEXT NOT NULL
);
