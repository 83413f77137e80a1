// Package seriestest makes series for tests.
package seriestest
