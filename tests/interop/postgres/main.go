// Command postgres-for-tests runs a PostgreSQL server with an empty data directory on a free port of loopback until it gets
// a signal, for tests that are not written in Go.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"tapline/target-warehouse/destination/postgres/postgrestest"
)

func main() {
	file := flag.String("url-file", "", "file to write the URL of the database postgres to")
	flag.Parse()
	if err := serve(*file); err != nil {
		fmt.Fprintln(os.Stderr, "postgres-for-tests:", err)
		os.Exit(1)
	}
}

func serve(file string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	server, err := postgrestest.Start()
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(server.URL("postgres")), 0o600); err != nil {
		return err
	}
	<-stop
	return server.Stop()
}
