-- The first windows, as a batch query over the same file.
CREATE SOURCE result (
  window_start TIMESTAMP(3), channel STRING, bids BIGINT, total BIGINT, mean DOUBLE, best BIGINT
) WITH ('connector' = 'file', 'path' = 'per_channel', 'format' = 'json');

SELECT * FROM result ORDER BY window_start, channel LIMIT 8;
