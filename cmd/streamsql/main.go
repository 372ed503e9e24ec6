// Command streamsql runs streaming SQL: scripts, texts, a shell.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	_ "time/tzdata" // a machine without zone files has the same zones

	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/internal/version"
	"github.com/streamsql/streamsql/parser"
)

// The exit codes, fixed: scripts rely on them.
const (
	exitOK     = 0
	exitFailed = 1 // a job failed
	exitUsage  = 2 // wrong usage or wrong SQL
)

// usageError is an error of the command line or of the SQL.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	end := beginProfile()
	code := Main(os.Args[1:])
	end()
	os.Exit(code)
}

// Main runs the command line and gives the exit code.
func Main(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, message(err))
	var usage usageError
	var list parser.ErrorList
	var one *parser.Error
	if errors.As(err, &usage) || errors.As(err, &list) || errors.As(err, &one) {
		return exitUsage
	}
	return exitFailed
}

// message is an error as people read it: with the text that it is about, where
// there is one.
func message(err error) string {
	var list parser.ErrorList
	if errors.As(err, &list) {
		return list.Format()
	}
	var one *parser.Error
	if errors.As(err, &one) {
		return one.Format()
	}
	return "error: " + err.Error()
}

func rootCommand() *cobra.Command {
	f := &flags{}
	var text []string
	root := &cobra.Command{
		Use:   "streamsql",
		Short: "Streaming SQL on one machine: exactly once, the same answer every time",
		Long: `Without arguments, an interactive shell with an embedded engine.
With -e, the statements of a text; -e - reads them from standard input.`,
		Version:      version.String(),
		SilenceUsage: true, SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && args[0] == "-" {
				return nil
			}
			return usageError{fmt.Errorf("unknown command %q\n  hint: streamsql run %s", args[0], args[0])}
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 1:
				return runText(c.Context(), f, []string{"-"})
			case c.Flags().Changed("execute"):
				return runText(c.Context(), f, text)
			}
			return repl(c.Context(), f)
		},
	}
	root.Flags().StringArrayVarP(&text, "execute", "e", nil, "statements to run; - reads standard input")
	f.add(root)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(runCommand(), checkCommand(), explainCommand(), nexmarkCommand(), kafkaCommand(), docsCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

func runCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:   "run FILE.sql ...",
		Short: "Run scripts; each ends when its bounded jobs end",
		Long: `Run scripts, one after the other. The INSERTs of a script are one job, named by
job.name or the file's name; run again with the same --data-dir, it goes on where
it stopped. SIGINT or SIGTERM ends it with a commit, a second one at once.`,
		Args: minFiles,
		RunE: func(c *cobra.Command, files []string) error { return runFiles(c.Context(), f, files) },
	}
	f.add(c)
	return c
}

func checkCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use: "check FILE.sql ...", Short: "Parse and plan scripts, run nothing", Args: minFiles,
		RunE: func(_ *cobra.Command, files []string) error { return check(f, files) },
	}
	f.add(c)
	return c
}

func explainCommand() *cobra.Command {
	f := &flags{}
	verbose := false
	c := &cobra.Command{
		Use: "explain FILE.sql", Short: "Print the plans of a script", Args: minFiles,
		RunE: func(_ *cobra.Command, files []string) error { return explain(f, files, verbose) },
	}
	f.add(c)
	c.Flags().BoolVar(&verbose, "verbose", false, "what the planner knows of each operator, too")
	return c
}

func minFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("no file given")}
	}
	return nil
}
