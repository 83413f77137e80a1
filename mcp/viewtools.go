package mcp

func viewTools() []Tool    { return nil }
func profileTools() []Tool { return nil }
