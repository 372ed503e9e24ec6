//go:build !profile

package main

func beginProfile() (end func()) { return func() {} }
