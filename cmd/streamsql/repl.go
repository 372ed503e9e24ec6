package main

import (
	"context"
	"errors"
)

// repl is the interactive shell.
func repl(context.Context, *flags) error { return errors.New("no shell yet") }
