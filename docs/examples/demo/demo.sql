-- Bids of an auction site, as JSON lines. Every 10 seconds of event time: how many
-- bids, how much money, the best price, by channel. Late rows are kept apart.
SET 'job.name' = 'demo';
SET 'commit.interval' = '200ms';

CREATE SOURCE events (
  event_type INT,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING>,
  ts AS bid.`dateTime`,
  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND
) WITH ('connector' = 'file', 'path' = 'events.ndjson', 'format' = 'json');

CREATE SINK per_channel (
  window_start TIMESTAMP(3), channel STRING, bids BIGINT, total BIGINT, mean DOUBLE, best BIGINT
) WITH ('connector' = 'file', 'path' = 'per_channel', 'format' = 'json');

-- The same windows on the screen, as they close.
CREATE SINK screen (window_start TIMESTAMP(3), bids BIGINT, total BIGINT) WITH ('connector' = 'print');

BEGIN STATEMENT SET;

INSERT INTO per_channel
SELECT window_start, bid.channel, COUNT(*), SUM(bid.price), AVG(bid.price), MAX(bid.price)
FROM TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)
WHERE event_type = 2 AND bid.channel IN ('Google', 'Facebook', 'Apple', 'Baidu')
GROUP BY window_start, window_end, bid.channel;

INSERT INTO screen
SELECT window_start, COUNT(*), SUM(bid.price)
FROM TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)
WHERE event_type = 2
GROUP BY window_start, window_end;

END;
