package main

import (
	"fmt"
	"time"

	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/playbook/rules"
	"ergorecorder/internal/limit"
)

// longestRule is how far back a rule may look while it is recorded: as much is
// read again whenever the detectors are asked.
const longestRule = time.Hour

// readRules reads a file of rules for a recorder; "" is none.
func readRules(file string) ([]detector.Detector, error) {
	if file == "" {
		return nil, nil
	}
	text, err := limit.Settings.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	set, err := rules.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("rules %s: %w (analyze rules check %s)", file, err, file)
	}
	for _, r := range set.Rules {
		if span := r.Span(); span > longestRule {
			return nil, fmt.Errorf("rules %s: rule %s looks back over %v: while recording at most %v, for as much is read again every few seconds", file, r.Name, span, longestRule)
		}
	}
	return set.Detectors(), nil
}
