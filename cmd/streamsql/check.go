package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// analyzed plans a script and runs nothing.
func analyzed(f *flags, file string) (*planner.Script, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{err}
	}
	eng, err := f.open(f.dataDir(), os.Stdout)
	if err != nil {
		return nil, err
	}
	s := eng.Script()
	if err := f.apply(s); err != nil {
		return nil, err
	}
	script, err := s.Analyze(file, string(text))
	if err != nil {
		return nil, err
	}
	warn(os.Stderr, script)
	return script, nil
}

// check plans all scripts and reports the errors of all.
func check(f *flags, files []string) error {
	var errs parser.ErrorList
	for _, file := range files {
		_, err := analyzed(f, file)
		var list parser.ErrorList
		switch {
		case errors.As(err, &list):
			errs = append(errs, list...)
		case err != nil:
			return err
		default:
			fmt.Fprintf(os.Stderr, "%s: ok\n", file)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// explain prints the plans of scripts.
func explain(f *flags, files []string, verbose bool) error {
	for _, file := range files {
		script, err := analyzed(f, file)
		if err != nil {
			return err
		}
		for _, step := range script.Steps {
			switch step := step.(type) {
			case *planner.Select:
				fmt.Print(step.Plan.Explain(verbose))
			case *planner.Job:
				fmt.Print(step.Plan.Explain(verbose))
			case *planner.Message:
				if step.Plan { // not the talk of definitions
					fmt.Println(step.Text)
				}
			}
		}
	}
	return nil
}
