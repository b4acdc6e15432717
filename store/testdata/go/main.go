// Drives a store with clickhouse-go over HTTP, as the OpenTelemetry Collector's exporter and Grafana's ClickHouse
// datasource do. Prints one line per step; ends with a non-zero status at the first that fails.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func must(step string, err error) {
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", step, err)
		os.Exit(1)
	}
	fmt.Println("ok", step)
}

func main() {
	for name, method := range map[string]clickhouse.CompressionMethod{
		"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
	} {
		run(name, method)
	}
}

func run(name string, method clickhouse.CompressionMethod) {
	ctx := context.Background()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{os.Getenv("STORE_ADDRESS")},
		Auth:        clickhouse.Auth{Database: "default", Username: "admin", Password: os.Getenv("STORE_ADMIN_TOKEN")},
		Compression: &clickhouse.Compression{Method: method},
		DialTimeout: 5 * time.Second,
	})
	must(name+" open", err)
	must(name+" ping", conn.Ping(ctx))
	must(name+" create", conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS default.go_"+name+
		" (t DateTime64(9), id UInt64, s LowCardinality(String), m Map(LowCardinality(String), String), a Array(String)) ENGINE = MergeTree ORDER BY id"))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO default.go_"+name)
	must(name+" prepare", err)
	for i := range uint64(50_000) {
		must2(batch.Append(time.Unix(0, 1_700_000_000_000_000_000+int64(i)), i, "service", map[string]string{"k": fmt.Sprint(i)}, []string{"x", "\n\ny"}))
	}
	must(name+" send", batch.Send())
	var rows, sum uint64
	must(name+" count", conn.QueryRow(ctx, "SELECT count(), sum(id) FROM default.go_"+name+" WHERE a[2] = $1", "\n\ny").Scan(&rows, &sum))
	if rows != 50_000 || sum != 50_000*49_999/2 {
		must(name+" sum", fmt.Errorf("%d rows, sum %d", rows, sum))
	}
	result, err := conn.Query(ctx, "SELECT t, id, m FROM default.go_"+name+" ORDER BY id")
	must(name+" query", err)
	seen := uint64(0)
	for result.Next() {
		var at time.Time
		var id uint64
		var attributes map[string]string
		must2(result.Scan(&at, &id, &attributes))
		if id != seen || attributes["k"] != fmt.Sprint(id) || at.UnixNano() != 1_700_000_000_000_000_000+int64(id) {
			must(name+" row", fmt.Errorf("row %d is %d %v %v", seen, id, attributes, at))
		}
		seen++
	}
	must(name+" rows", result.Err())
	if seen != 50_000 {
		must(name+" all rows", fmt.Errorf("%d rows", seen))
	}
	if _, err = conn.Query(ctx, "SELECT * FROM nowhere"); err == nil || !strings.Contains(err.Error(), "UNKNOWN_TABLE") {
		must(name+" exception", fmt.Errorf("not UNKNOWN_TABLE: %v", err))
	}
	fmt.Println("ok", name, "exception")
	must(name+" async", conn.AsyncInsert(ctx, "INSERT INTO default.go_"+name+" (id, s) VALUES (1, 'x')", true))
	must(name+" close", conn.Close())
}

func must2(err error) {
	if err != nil {
		must("append or scan", err)
	}
}
