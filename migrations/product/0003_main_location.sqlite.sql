-- A shop has one location from the start. Its id is fixed, so that nobody has to look it up before a sale.
INSERT INTO stock_locations (id, name, created_at)
VALUES (X'01900000000070008000000000000001', 'Main', 0);
