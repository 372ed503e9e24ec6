-- A script as the documentation and mailing lists of Flink have them.
SET 'execution.runtime-mode' = 'streaming';
SET execution.checkpointing.interval = 10s;
SET table.local-time-zone = Europe/Berlin;
SET 'sql-client.execution.result-mode' = 'tableau';

CREATE CATALOG my_catalog WITH ('type' = 'generic_in_memory');
USE CATALOG my_catalog;
CREATE DATABASE IF NOT EXISTS shop;
USE shop;

CREATE TABLE orders (
    order_id    STRING,
    price       DECIMAL(32, 2),
    currency    STRING,
    order_time  TIMESTAMP(3),
    `partition` BIGINT METADATA VIRTUAL,
    `offset`    BIGINT METADATA VIRTUAL,
    event_time  TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
    cost        AS price * 1.1,
    proctime    AS PROCTIME(),
    WATERMARK FOR order_time AS order_time - INTERVAL '15' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'orders',
    'properties.bootstrap.servers' = 'localhost:9092',
    'properties.group.id' = 'testGroup',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
);

CREATE TABLE currency_rates (
    currency STRING,
    conversion_rate DECIMAL(32, 2),
    update_time TIMESTAMP(3) METADATA FROM 'values.source.timestamp' VIRTUAL,
    WATERMARK FOR update_time AS update_time,
    PRIMARY KEY(currency) NOT ENFORCED
) WITH (
   'connector' = 'upsert-kafka',
   'key.format' = 'json',
   'value.format' = 'debezium-json'
);

CREATE TABLE Customers (
  id INT,
  name STRING,
  country STRING,
  zip STRING
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:mysql://mysqlhost:3306/customerdb',
  'table-name' = 'customers'
);

CREATE TABLE fs_table (
  user_id STRING,
  order_amount DOUBLE,
  dt STRING,
  `hour` STRING
) PARTITIONED BY (dt, `hour`) WITH (
  'connector'='filesystem',
  'path'='...',
  'format'='parquet',
  'sink.partition-commit.delay'='1 h',
  'sink.partition-commit.policy.kind'='success-file'
);

CREATE TABLE print_table WITH ('connector' = 'print') LIKE orders (EXCLUDING ALL);

CREATE TEMPORARY VIEW v AS
SELECT o.order_id, o.price, r.conversion_rate, o.order_time
FROM orders AS o
LEFT JOIN currency_rates FOR SYSTEM_TIME AS OF o.order_time AS r
ON o.currency = r.currency;

-- enrich with a lookup
SELECT o.order_id, o.total, c.country, c.zip
FROM Orders AS o
  JOIN Customers FOR SYSTEM_TIME AS OF o.proc_time AS c
    ON o.customer_id = c.id;

SELECT window_start, window_end, SUM(price) AS total_price
  FROM TABLE(
    TUMBLE(TABLE Bid, DESCRIPTOR(bidtime), INTERVAL '10' MINUTES))
  GROUP BY window_start, window_end;

SELECT * FROM TABLE(
   HOP(
     DATA => TABLE Bid,
     TIMECOL => DESCRIPTOR(bidtime),
     SLIDE => INTERVAL '5' MINUTES,
     SIZE => INTERVAL '10' MINUTES));

SELECT * FROM TABLE(
   SESSION(TABLE Bid PARTITION BY item, DESCRIPTOR(bidtime), INTERVAL '5' MINUTES));

SELECT window_start, window_end, supplier_id, SUM(price) AS price
FROM TABLE(
    TUMBLE(TABLE Bid, DESCRIPTOR(bidtime), INTERVAL '10' MINUTES))
GROUP BY window_start, window_end, GROUPING SETS ((supplier_id), ());

SELECT
  user,
  TUMBLE_START(order_time, INTERVAL '1' DAY) AS wStart,
  SUM(amount) FROM Orders
GROUP BY
  TUMBLE(order_time, INTERVAL '1' DAY),
  user;

SELECT order_id, order_time, amount,
  SUM(amount) OVER (
    PARTITION BY product
    ORDER BY order_time
    RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW
  ) AS one_hour_prod_amount_sum
FROM Orders;

SELECT *
FROM (
  SELECT *,
    ROW_NUMBER() OVER (PARTITION BY category ORDER BY sales DESC) AS row_num
  FROM ShopSales)
WHERE row_num <= 5;

SELECT order_id, tag
FROM Orders CROSS JOIN UNNEST(tags) AS t (tag);

SELECT order_id, res
FROM Orders,
LATERAL TABLE(table_func(order_id)) t(res);

SELECT /*+ STATE_TTL('Orders'='1d', 'Customers' = '20d') */ *
FROM Orders LEFT OUTER JOIN Customers
    ON Orders.o_custkey = Customers.c_custkey;

SELECT * FROM kafka_table1 /*+ OPTIONS('scan.startup.mode'='earliest-offset') */;

SELECT *
FROM Ticker
    MATCH_RECOGNIZE (
        PARTITION BY symbol
        ORDER BY rowtime
        MEASURES
            START_ROW.rowtime AS start_tstamp,
            LAST(PRICE_DOWN.rowtime) AS bottom_tstamp,
            LAST(PRICE_UP.rowtime) AS end_tstamp
        ONE ROW PER MATCH
        AFTER MATCH SKIP TO LAST PRICE_UP
        PATTERN (START_ROW PRICE_DOWN+ PRICE_UP)
        DEFINE
            PRICE_DOWN AS
                (LAST(PRICE_DOWN.price, 1) IS NULL AND PRICE_DOWN.price < START_ROW.price) OR
                    PRICE_DOWN.price < LAST(PRICE_DOWN.price, 1),
            PRICE_UP AS
                PRICE_UP.price > LAST(PRICE_DOWN.price, 1)
    ) MR;

INSERT INTO RubberOrders SELECT product, amount FROM Orders WHERE product LIKE '%Rubber%';

INSERT INTO students
  VALUES ('fred flintstone', 35, 1.28), ('barney rubble', 32, 2.32);

EXECUTE STATEMENT SET
BEGIN
INSERT INTO pageview_pv_sink
SELECT page_id, count(1) FROM clicks GROUP BY page_id;
INSERT INTO pageview_uv_sink
SELECT page_id, count(distinct user_id) FROM clicks GROUP BY page_id;
END;

BEGIN STATEMENT SET;
INSERT INTO students SELECT * FROM people WHERE age BETWEEN 6 AND 18;
INSERT INTO others (name, age) SELECT name, age FROM people;
END;

EXPLAIN PLAN FOR SELECT count, word FROM MyTable1 WHERE word LIKE 'F%'
UNION ALL
SELECT count, word FROM MyTable2;

EXPLAIN ESTIMATED_COST, CHANGELOG_MODE, PLAN_ADVICE
SELECT count, word FROM MyTable1;

SHOW TABLES;
SHOW CREATE TABLE orders;
DESCRIBE orders;
DROP TABLE IF EXISTS orders;

SET execution.savepoint.path=/data/flink-savepoints/savepoint-bb0dab;
SET parallelism.default=1;
SET 'pipeline.name' = 'my job';

SELECT * FROM shoes MATCH_RECOGNIZE(
    PARTITION BY email ORDER BY $rowtime
    MEASURES a.rating AS r1, $rowtime AS order_time
    AFTER MATCH SKIP TO NEXT ROW
    PATTERN (a b* c) WITHIN INTERVAL '5' SECOND
    DEFINE a AS a.rating > 4, c AS c.rating > 0 AND c.rating < 2);

create table if not exists user_log
(
    user_id     VARCHAR comment 'who',
    event_time  as to_timestamp(from_unixtime(ts / 1000)),
    ts          bigint,
    watermark for event_time as event_time - interval '5' second
)
with (
    'connector' = 'kafka'
    ,'topic' = 'user_log' -- trailing comment
    ,'fields.status.expression' = '#{regexify ''(200|404){1}''}'
);

begin statement set;
insert into sink1 select browser, TUMBLE_ROWTIME(log_time, INTERVAL '5' MINUTE) AS end_time, COUNT(*) requests
from browsers group by browser, TUMBLE(log_time, INTERVAL '5' MINUTE);
End;

SELECT T.*, `current_date`, trim(substring(line2, 18, 8)) as x, concat(ifnull(coalesce(a.m, b.m), ''), ' ')
FROM orders /*+ OPTIONS('scan.startup.mode'='earliest') */ o
INNER JOIN users /*+ OPTIONS('scan.startup.mode'='earliest') */ u ON o.user_id = u.user_id,
(VALUES (1, 'a'), (2, 'b')) AS v (n, s);
