-- A shop has one location from the start. Its id is fixed, so that nobody has to look it up before a sale.
INSERT INTO stock_locations (id, name, created_at)
VALUES ('01900000-0000-7000-8000-000000000001', 'Main', '1970-01-01T00:00:00Z');
