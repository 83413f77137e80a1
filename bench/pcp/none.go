//go:build !pcp

// Package pcp is empty without the tag pcp.
package pcp
