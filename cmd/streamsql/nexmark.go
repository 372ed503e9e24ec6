package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/connectors/nexmark"
)

// nexmarkCommand writes the benchmark's events to a file, the same bytes every
// time: what several engines are to be compared on must not change in between.
func nexmarkCommand() *cobra.Command {
	cfg := nexmark.DefaultConfig()
	var events int64
	c := &cobra.Command{
		Use:   "nexmark FILE",
		Short: "Write Nexmark events as JSON lines",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			cfg.Events = events
			if err := cfg.Validate(); err != nil {
				return usageError{err}
			}
			f, err := os.Create(args[0])
			if err != nil {
				return err
			}
			w := bufio.NewWriterSize(f, 1<<20)
			if err := nexmark.WriteNDJSON(w, cfg, 0, events); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s: %d events\n", args[0], events)
			return nil
		},
	}
	c.Flags().Int64Var(&events, "events", 1_000_000, "number of events")
	c.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of the random numbers")
	return c
}
