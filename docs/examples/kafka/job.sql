-- Orders of a topic, totals by minute to another one.
CREATE SOURCE orders (
  id BIGINT, customer STRING, amount DECIMAL(10, 2), ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND IDLE TIMEOUT INTERVAL '2' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = 'orders', 'format' = 'json',
  'properties.bootstrap.servers' = '127.0.0.1:9092', 'scan.startup.mode' = 'earliest-offset'
);

CREATE SINK per_minute (minute TIMESTAMP(3), orders BIGINT, total DECIMAL(12, 2))
WITH (
  'connector' = 'kafka', 'topic' = 'per_minute', 'format' = 'json',
  'properties.bootstrap.servers' = '127.0.0.1:9092'
);

INSERT INTO per_minute
SELECT window_start, COUNT(*), SUM(amount)
FROM TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)
GROUP BY window_start, window_end;
