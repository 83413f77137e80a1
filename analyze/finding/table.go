package finding

// The kinds of findings. What each means stands in its row of [Kinds].
const (
	ApplicationDown    Kind = "application_down"
	BlockedCallback    Kind = "blocked_callback"
	BusyLoop           Kind = "busy_loop"
	CPUHotspot         Kind = "cpu_hotspot"
	CallCycle          Kind = "call_cycle"
	ChildDisabled      Kind = "child_disabled"
	ClockSkew          Kind = "clock_skew"
	CronFailed         Kind = "cron_failed"
	DeadLetters        Kind = "dead_letters"
	DeliveryErrors     Kind = "delivery_errors"
	ErrorBurst         Kind = "error_burst"
	EventFanout        Kind = "event_fanout"
	EventNoSubscribers Kind = "event_no_subscribers"
	EventSilent        Kind = "event_silent"
	EventStarved       Kind = "event_starved"
	GoroutineGrowth    Kind = "goroutine_growth"
	HandshakeErrors    Kind = "handshake_errors"
	HeapChurn          Kind = "heap_churn"
	LinkDown           Kind = "link_down"
	LinkFlap           Kind = "link_flap"
	MailboxFull        Kind = "mailbox_full"
	MailboxGrowth      Kind = "mailbox_growth"
	MemoryLeak         Kind = "memory_leak"
	MessageLoss        Kind = "message_loss"
	NodeDown           Kind = "node_down"
	NodeFrozen         Kind = "node_frozen"
	NodePauses         Kind = "node_pauses"
	NodeReplaced       Kind = "node_replaced"
	NodeRestarted      Kind = "node_restarted"
	NodeSlow           Kind = "node_slow"
	OverloadedProcess  Kind = "overloaded_process"
	Partition          Kind = "partition"
	PoolOverflow       Kind = "pool_overflow"
	ProcessLeak        Kind = "process_leak"
	RecorderClock      Kind = "recorder_clock"
	RegistrationLeak   Kind = "registration_leak"
	RestartLoop        Kind = "restart_loop"
	Rule               Kind = "rule"
	ShutdownStuck      Kind = "shutdown_stuck"
	SlowDependency     Kind = "slow_dependency"
	SlowLink           Kind = "slow_link"
	SpawnFailed        Kind = "spawn_failed"
	StuckCall          Kind = "stuck_call"
	SupervisorLimit    Kind = "supervisor_limit"
	TrafficStopped     Kind = "traffic_stopped"
	ZombieProcesses    Kind = "zombie_processes"
)

// harms are the kinds whose quantities say what a process that stands still, or dies,
// does to others: what waits for it and for those that it keeps waiting, what they fail
// to deliver, and the work that is not done meanwhile.
func harms() []Kind { return []Kind{BlockedCallback, DeliveryErrors, TrafficStopped} }

// waiters are the kinds of findings about processes that wait for replies, or die for want of one, and take others with them.
func waiters() []Kind {
	return []Kind{StuckCall, OverloadedProcess, RestartLoop, SupervisorLimit, ApplicationDown}
}

// Kinds are all kinds of findings, by playbook.
func Kinds() []Row {
	return []Row{
		{
			Kind: OverloadedProcess, Playbook: "bottleneck", Subject: "node, pid, name, behavior",
			Claimed:  "messages arrive faster than it handles them; it still works",
			Excludes: "that it stands still: it handled messages meanwhile",
			Measure:  Measure{"age of the oldest message", "s", 1, 5},
			Most:     86,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchCPU, FetchRawCPU, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{MailboxGrowth, ErrorBurst, DeliveryErrors, EventSilent, GoroutineGrowth, Rule}},
				{KilledInside, []Kind{ZombieProcesses}},
				{LoadBurns, []Kind{CPUHotspot}},
				{Holds, []Kind{MemoryLeak, HeapChurn, GoroutineGrowth}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: BlockedCallback, Playbook: "bottleneck", Subject: "node, pid, name, behavior; function if a stack shows it",
			Claimed:  "messages wait, it runs nothing",
			Excludes: "that it is slow and works: it took no message and ended no callback",
			Measure:  Measure{"time that messages have waited for it, all together", "s", 5, 60}, // one for as long as a call waits; twelve such calls
			Harms:    harms(),
			Most:     88,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{HasLock, []Kind{BlockedCallback, OverloadedProcess}},
				{SameProcess, []Kind{MailboxGrowth, ErrorBurst, DeliveryErrors, EventSilent, GoroutineGrowth, ShutdownStuck, Rule}},
				{KilledInside, []Kind{ZombieProcesses}},
				{Holds, []Kind{MemoryLeak, HeapChurn, GoroutineGrowth}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: StuckCall, Playbook: "bottleneck", Subject: "node, pid, name; peer or callee where known",
			Claimed:  "it waits for a reply for longer than the call timeout; or it gets messages and sends none any more, while calls fail that may be for it",
			Excludes: "that it computes: it was seen waiting for a response",
			Measure:  Measure{"time that messages have waited behind the call, all together", "s", 5, 60},
			Harms:    harms(),
			Most:     80,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{MailboxGrowth, ErrorBurst, DeliveryErrors, EventSilent, GoroutineGrowth, ShutdownStuck, Rule}},
				{KilledInside, []Kind{ZombieProcesses}},
				{Holds, []Kind{MemoryLeak, HeapChurn, GoroutineGrowth}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: CallCycle, Playbook: "bottleneck", Subject: "node, pid, name of one; peer",
			Claimed:  "processes wait for each other's reply and nobody else is at fault; names all members",
			Excludes: "that somebody else keeps them waiting: nobody who was listed is at fault",
			Measure:  Measure{"time waiting for a reply", "s", 5, 15},
			Harms:    harms(),
			Most:     90,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{StuckCall, MailboxGrowth, ErrorBurst, DeliveryErrors, Rule}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: SlowDependency, Playbook: "bottleneck", Subject: "node; function or callee",
			Claimed:  "several processes wait in calls to the same thing outside the actors (a service, a file, a lock); names it and them",
			Excludes: "that each has a reason of its own: their stacks are in the same function",
			Measure:  Measure{"time in one callback", "s", 1, 5},
			Harms:    harms(),
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{CallersSuffer, []Kind{MailboxGrowth, ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: BusyLoop, Playbook: "cpu", Subject: "node, pid, name, behavior",
			Claimed:  "a process, or a few between them, keep themselves busy: their messages rise many times over while nobody else sends more, and no queue builds up; names all of them",
			Excludes: "that the messages come from elsewhere: nobody else sends as many more",
			Measure:  Measure{"messages that they make for each other", "messages/s", 500, 50000},
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchCPU, FetchRawCPU, FetchRawGoroutine},
			Explains: []Effect{
				{LoadBurns, []Kind{CPUHotspot}},
				{UsesUp, []Kind{BlockedCallback, OverloadedProcess, MailboxGrowth, StuckCall, SlowLink, NodeSlow, EventSilent}},
				{Holds, []Kind{CPUHotspot, HeapChurn}},
			},
		},
		{
			Kind: TrafficStopped, Playbook: "bottleneck", Subject: "node, pid, name, behavior; peer where a link's counters show the source",
			Claimed:  "a steady stream of messages to a process fell to next to nothing and stays there, nothing waits",
			Excludes: "that it stopped taking them: none waits",
			Measure:  Measure{"messages missing", "messages", 100, 10000},
			Most:     62,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{EventSilent, Rule}},
				{DriesUp, []Kind{TrafficStopped}},
			},
		},
		{
			Kind: MailboxFull, Playbook: "bottleneck", Subject: "node, pid, name, behavior",
			Claimed: "a bounded mailbox is full and refuses messages; names its senders",
			Measure: Measure{"messages refused", "messages", 1, 100},
			Most:    86,
			Fetch:   []Fetch{FetchStacks, FetchOwnStack, FetchCPU, FetchRawCPU, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{MailboxGrowth, ErrorBurst, DeliveryErrors, EventSilent, GoroutineGrowth, Rule}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
			},
		},
		{
			Kind: MailboxGrowth, Playbook: "bottleneck", Subject: "node, pid, name",
			Claimed: "a mailbox grows steadily but slowly",
			Measure: Measure{"time until the oldest message is as old as a call timeout", "s", 86400, 60},
			Most:    55,
			Fetch:   []Fetch{FetchHeap, FetchStacks, FetchRawHeap},
		},
		{
			Kind: PoolOverflow, Playbook: "bottleneck", Subject: "node, name of the pool",
			Claimed:  "every worker's mailbox is full, messages are dropped",
			Excludes: "that its workers only have much to do: messages were dropped, or every mailbox was full",
			Measure:  Measure{"messages dropped", "messages", 1, 20},
			Most:     86,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchCPU, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{OverloadedProcess, MailboxGrowth, ErrorBurst, Rule}},
				{LoadBurns, []Kind{CPUHotspot}},
				{Holds, []Kind{MemoryLeak, HeapChurn, GoroutineGrowth}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: RestartLoop, Playbook: "restart-loop", Subject: "node; name or behavior of the child",
			Claimed:  "a child dies and is restarted over and over",
			Excludes: "that it was restarted once: it ended several times, one soon after the other",
			Measure:  Measure{"restarts", "an hour", 3, 30},
			Harms:    harms(),
			Fetch:    []Fetch{FetchStacks, FetchHeap, FetchRawGoroutine},
			Explains: []Effect{
				{Dies, []Kind{ErrorBurst, SupervisorLimit, SpawnFailed, ChildDisabled, DeliveryErrors, EventSilent, ApplicationDown, HeapChurn, TrafficStopped, DeadLetters}},
				{CallersSuffer, []Kind{EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: SupervisorLimit, Playbook: "restart-loop", Subject: "node, name of the supervisor",
			Claimed:  "restarts near or past intensity in period",
			Excludes: "that it was stopped by somebody: deaths of its child, its own count or its log tell",
			Measure:  Measure{"restarts in the period, of those that it allows", "", 0.5, 1},
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{TakesDown, []Kind{NodeDown, NodeRestarted}},
				{GivesUp, []Kind{ApplicationDown, RestartLoop, SpawnFailed, ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: ChildDisabled, Playbook: "restart-loop", Subject: "node, name of the child",
			Claimed: "its supervisor gave it up and goes on without it",
			Measure: Measure{"time without the child", "s", 1, 60},
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{DiedBefore, []Kind{ErrorBurst}},
				{Dies, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped, DeadLetters}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: SpawnFailed, Playbook: "restart-loop", Subject: "node; parent where known",
			Claimed: "processes fail to start, again and again",
			Measure: Measure{"spawns that failed", "an hour", 6, 600},
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{Dies, []Kind{ErrorBurst, DeliveryErrors, ApplicationDown}},
			},
		},
		{
			Kind: ProcessLeak, Playbook: "process-leak", Subject: "node, behavior, application; name of the parent",
			Claimed:  "a family of processes grows without end",
			Excludes: "that they come and go: those that came stay",
			Measure:  Measure{"additional processes", "", 10, 30},
			Fetch:    []Fetch{FetchHeap, FetchStacks, FetchRawHeap},
			Explains: []Effect{
				{Holds, []Kind{MemoryLeak, HeapChurn, GoroutineGrowth}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
			},
		},
		{
			Kind: RegistrationLeak, Playbook: "process-leak", Subject: "node; pid, name, behavior of the owner, event where known",
			Claimed:  "registered names, aliases or events grow without end while the processes do not; says which of the three",
			Excludes: "that there are more processes to register: their number does not grow with it",
			Measure:  Measure{"additional registrations", "", 10, 1000},
			Fetch:    []Fetch{FetchHeap, FetchStacks, FetchRawHeap},
			Explains: []Effect{
				{Holds, []Kind{MemoryLeak}},
			},
		},
		{
			Kind: ZombieProcesses, Playbook: "zombies", Subject: "node, behavior",
			Claimed:  "the same killed process is still there after 10 s",
			Excludes: "that it was about to end: it is still there, killed",
			Measure:  Measure{"time since it was killed", "s", 10, 30},
			Harms:    harms(),
			Most:     80,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{SameProcess, []Kind{BlockedCallback, StuckCall, ErrorBurst, EventSilent, GoroutineGrowth, ShutdownStuck, Rule}},
				{PileUp, []Kind{ProcessLeak}},
				{Holds, []Kind{MemoryLeak, HeapChurn, GoroutineGrowth}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: NodeDown, Playbook: "health", Subject: "node",
			Claimed:  "no answer while its peers also lost it, or for good",
			Excludes: "that only the way to it was cut: its peers lost it too, a new life of it began, or it never answered again",
			Measure:  Measure{"time without an answer", "s", 0.5, 5},
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{BeganAnew, []Kind{NodeRestarted}},
				{NodeAway, []Kind{LinkFlap, LinkDown, MessageLoss, SlowLink, ApplicationDown, EventSilent, ClockSkew, Rule}},
				{CallsNode, []Kind{ErrorBurst, DeliveryErrors, StuckCall, TrafficStopped, DeadLetters, RestartLoop, SupervisorLimit, ApplicationDown}},
			},
		},
		{
			Kind: NodeRestarted, Playbook: "health", Subject: "node",
			Claimed:  "a new incarnation",
			Excludes: "that only its clock or a connection moved: its uptime began again by its own clock",
			Measure:  Measure{"new lives", "", 1, 1},
			Most:     80,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{NodeAway, []Kind{LinkFlap, LinkDown, MessageLoss, SlowLink, ApplicationDown, EventSilent, ClockSkew, Rule}},
				{CallsNode, []Kind{ErrorBurst, DeliveryErrors, StuckCall, TrafficStopped, DeadLetters, RestartLoop, SupervisorLimit, ApplicationDown}},
			},
		},
		{
			Kind: NodeFrozen, Playbook: "health", Subject: "node",
			Claimed:  "for a while it answered nobody, recorder and peers alike, and went on in the same life",
			Excludes: "that it was restarted: it went on in the same life",
			Measure:  Measure{"time without an answer", "s", 5, 15},
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{NodeAway, []Kind{LinkFlap, LinkDown, MessageLoss, SlowLink, ApplicationDown, EventSilent, ClockSkew, Rule}},
				{CallsNode, []Kind{ErrorBurst, DeliveryErrors, StuckCall, TrafficStopped, DeadLetters, RestartLoop, SupervisorLimit, ApplicationDown}},
				{OnNode, []Kind{OverloadedProcess, BlockedCallback, MailboxGrowth, EventSilent, TrafficStopped}},
				{WaitingCalls, []Kind{OverloadedProcess, MailboxGrowth, RestartLoop}},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: NodePauses, Playbook: "health", Subject: "node",
			Claimed:  "the whole node stops for seconds again and again: its answers and pings are late together",
			Excludes: "that it was restarted: it went on in the same life",
			Measure:  Measure{"length of a pause", "s", 1, 5},
			Fetch:    []Fetch{FetchCPU, FetchRawCPU, FetchRawGoroutine},
			Explains: []Effect{
				{NodeAway, []Kind{LinkFlap, MessageLoss, SlowLink, EventSilent, Rule}},
				{CallsNode, []Kind{ErrorBurst, DeliveryErrors, StuckCall, TrafficStopped, DeadLetters, RestartLoop, SupervisorLimit, ApplicationDown}},
				{OnNode, []Kind{OverloadedProcess, BlockedCallback, MailboxGrowth, EventSilent, TrafficStopped}},
				{WaitingCalls, []Kind{OverloadedProcess, MailboxGrowth, RestartLoop}},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: NodeSlow, Playbook: "health", Subject: "node",
			Claimed:  "all its processes became dearer at the same moment, its answers and pings too, with no more CPU used",
			Excludes: "that it has more to do: it uses hardly more CPU than before",
			Measure:  Measure{"rise of the time that a message takes", "times", 2, 5},
			Fetch:    []Fetch{FetchCPU, FetchRawCPU, FetchRawGoroutine},
			Explains: []Effect{
				{NodeAway, []Kind{SlowLink, MessageLoss, Rule}},
				{CallsNode, []Kind{ErrorBurst, DeliveryErrors, StuckCall, TrafficStopped, DeadLetters, RestartLoop, SupervisorLimit, ApplicationDown}},
				{OnNode, []Kind{OverloadedProcess, BlockedCallback, SlowDependency, MailboxGrowth, EventSilent, TrafficStopped}},
				{WaitingCalls, []Kind{OverloadedProcess, MailboxGrowth, RestartLoop}},
			},
		},
		{
			Kind: NodeReplaced, Playbook: "health", Subject: "node, peer: the successor",
			Claimed: "a node that announced its stop went, and another with the same applications had joined: a rolling update",
			Measure: Measure{"nodes replaced", "", 100, 1000},
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{NodeAway, []Kind{NodeDown, LinkDown, LinkFlap, ApplicationDown}},
			},
		},
		{
			Kind: ClockSkew, Playbook: "health", Subject: "node",
			Claimed:  "its clock is off by a second, or two where it was asked less often",
			Excludes: "that the recorder's clock is off: it differs from what most clocks agree on, the recorder's among them",
			Measure:  Measure{"offset of the clock", "s", 5, 300}, // tokens and certificates bear minutes; who reads logs side by side bears a few seconds
			Most:     54,                                          // a clock hurts those who read times by it; whoever is down, or waits, hurts more
			Fetch:    []Fetch{FetchRawGoroutine},
		},
		{
			Kind: RecorderClock, Playbook: "health", Subject: "none: it is not a node's",
			Claimed:  "the clock of the recording machine stepped: it moved against its own steady time, and nodes against it by as much, or all nodes moved together against it; or it is off, and the nodes agree on another time; says by how much",
			Excludes: "that a node's clock moved: the recorder's moved against its own time, or all nodes moved together, or agree",
			Measure:  Measure{"step of the clock", "s", 1, 3600},
			Most:     45,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{BeganAnew, []Kind{ClockSkew}},
			},
		},
		{
			Kind: ErrorBurst, Playbook: "health", Subject: "node; application or behavior",
			Claimed:  "errors or panics in logs or counters far above the baseline",
			Excludes: "that there are as many at any time: the rate before was far lower",
			Measure:  Measure{"lines", "a minute", 1, 1000},
			Most:     62,
			Fetch:    []Fetch{FetchStacks, FetchHeap, FetchRawGoroutine},
		},
		{
			Kind: DeliveryErrors, Playbook: "health", Subject: "node",
			Claimed:  "send or call errors grow above the baseline",
			Excludes: "that they are those of the recorder: its own are taken off",
			Measure:  Measure{"failed deliveries", "a minute", 1, 1000},
			Most:     56,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{SameErrors, []Kind{ErrorBurst}},
			},
		},
		{
			Kind: DeadLetters, Playbook: "health", Subject: "node, pid, name of the sender",
			Claimed:  "it keeps sending to a process or name that does not exist; names sender and target",
			Excludes: "that it missed one who had just ended: it went on for longer than a restart takes",
			Measure:  Measure{"messages to nobody", "a minute", 1, 1000},
			Most:     74,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{OnNode, []Kind{DeliveryErrors}},
				{SameProcess, []Kind{DeliveryErrors, ErrorBurst, Rule}},
			},
		},
		{
			Kind: ApplicationDown, Playbook: "health", Subject: "node, application",
			Claimed: "an application that should run does not",
			Measure: Measure{"time that it does not run", "s", 0.1, 5},
			Most:    85,
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{TakesDown, []Kind{NodeDown, NodeRestarted}},
				{CallersSuffer, []Kind{ErrorBurst, DeliveryErrors, EventSilent, TrafficStopped, DeadLetters, CronFailed}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: ShutdownStuck, Playbook: "health", Subject: "node, pid, name",
			Claimed:  "a stopping node waits for processes that do not end",
			Excludes: "that it only takes a moment: the node said several times that it waits",
			Measure:  Measure{"time that the node waits", "s", 5, 15},
			Most:     82,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{TakesDown, []Kind{NodeDown, NodeRestarted}},
				{OnNode, []Kind{ApplicationDown, EventSilent, TrafficStopped}},
			},
		},
		{
			Kind: CronFailed, Playbook: "health", Subject: "node, name of the job",
			Claimed: "a scheduled job ends with an error",
			Measure: Measure{"failed runs", "", 1, 10},
			Fetch:   []Fetch{FetchRawGoroutine},
		},
		{
			Kind: LinkFlap, Playbook: "network", Subject: "node, peer",
			Claimed:  "the connection is lost and made again",
			Excludes: "that only the recorder's way was cut: the nodes' own connection was lost or made anew",
			Measure:  Measure{"losses", "", 1, 2},
			Most:     90,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{CutsBoth, []Kind{LinkFlap, Rule}},
				{CutsOff, []Kind{ErrorBurst, DeliveryErrors, MessageLoss, SlowLink, EventSilent, StuckCall, OverloadedProcess, TrafficStopped, NodeFrozen, RestartLoop, SupervisorLimit, ApplicationDown}},
			},
		},
		{
			Kind: LinkDown, Playbook: "network", Subject: "node, peer",
			Claimed:  "two nodes that were connected are not any more, both alive",
			Excludes: "that one of the two is down: both were heard of since",
			Measure:  Measure{"messages and calls a second that it carried or that fail", "messages/s", 0.1, 1},
			Most:     82,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{CutsBoth, []Kind{LinkFlap, Rule}},
				{CutsOff, []Kind{ErrorBurst, DeliveryErrors, MessageLoss, SlowLink, EventSilent, StuckCall, OverloadedProcess, TrafficStopped, NodeFrozen, RestartLoop, SupervisorLimit, ApplicationDown}},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: Partition, Playbook: "network", Subject: "node, peer of one lost link",
			Claimed:  "the cluster is split into groups that do not see each other, all alive; names the members of each group",
			Excludes: "that nodes are down: those of every group were heard of since",
			Measure:  Measure{"nodes cut off from others", "", 1, 1},
			Most:     82,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{CutsOff, []Kind{LinkDown, LinkFlap, ErrorBurst, DeliveryErrors, MessageLoss, SlowLink, EventSilent, StuckCall, OverloadedProcess, TrafficStopped, RestartLoop, SupervisorLimit, ApplicationDown}},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: MessageLoss, Playbook: "network", Subject: "node, peer",
			Claimed:  "one side sent what the other never received",
			Excludes: "that they were under way: both ends are counted over one connection, and what is missing keeps growing",
			Measure:  Measure{"share of messages that do not arrive", "", 0.001, 0.15},
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{CutsBoth, []Kind{SlowLink, Rule}},
				{CutsOff, []Kind{ErrorBurst, DeliveryErrors, StuckCall, EventSilent, OverloadedProcess, TrafficStopped, RestartLoop, SupervisorLimit, ApplicationDown}},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: SlowLink, Playbook: "network", Subject: "node, peer",
			Claimed:  "round trips far above the baseline",
			Excludes: "that it was always so slow: round trips were far shorter before",
			Measure:  Measure{"round trip", "ms", 5, 500},
			Most:     85,
			Fetch:    []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{CutsOff, []Kind{ErrorBurst, DeliveryErrors, StuckCall, OverloadedProcess, NodeFrozen, RestartLoop, SupervisorLimit, ApplicationDown}},
				{Releases, []Kind{PoolOverflow, MailboxFull, OverloadedProcess}},
			},
		},
		{
			Kind: HandshakeErrors, Playbook: "network", Subject: "node",
			Claimed: "an acceptor turns peers away",
			Measure: Measure{"failed handshakes", "a minute", 1, 1000},
			Most:    60,
			Fetch:   []Fetch{FetchRawGoroutine},
		},
		{
			Kind: CPUHotspot, Playbook: "cpu", Subject: "node, function; pid, name, behavior where they can be told",
			Claimed:  "one function burns the CPU, against the baseline; over hours, messages cost more and more of it",
			Excludes: "that the CPU goes to something else: a profile or the running times of its processes were compared",
			Measure:  Measure{"additional cores", "cores", 0.25, 1},
			Most:     78,
			Fetch:    []Fetch{FetchCPU, FetchRawCPU, FetchRawGoroutine},
			Explains: []Effect{
				{CostsMore, []Kind{BlockedCallback, OverloadedProcess, MailboxGrowth}},
				{UsesUp, []Kind{BlockedCallback, OverloadedProcess, MailboxGrowth, StuckCall, SlowLink, NodeSlow, EventSilent}},
				{WaitsFor, waiters()},
			},
		},
		{
			Kind: MemoryLeak, Playbook: "memory", Subject: "node; pid, name, behavior, function as far as they can be told",
			Claimed:  "what survives collections keeps growing",
			Excludes: "that it is garbage: only what is left after collections is counted",
			Measure:  Measure{"time in which the heap doubles", "s", 604800, 86400},
			Fetch:    []Fetch{FetchHeap, FetchStacks, FetchRawHeap},
			Explains: []Effect{
				{Holds, []Kind{HeapChurn}},
			},
		},
		{
			Kind: HeapChurn, Playbook: "memory", Subject: "node; function",
			Claimed: "allocation rate and collector cost far above the baseline, nothing retained",
			Measure: Measure{"share of the CPU that collections take", "%", 1, 25},
			Most:    72,
			Fetch:   []Fetch{FetchHeap, FetchStacks, FetchRawHeap},
			Explains: []Effect{
				{SameCode, []Kind{CPUHotspot}},
			},
		},
		{
			Kind: GoroutineGrowth, Playbook: "goroutines", Subject: "node, function",
			Claimed:  "goroutines of one stack keep growing",
			Excludes: "that they come and go: those that came stay",
			Measure:  Measure{"additional goroutines", "", 10, 100},
			Most:     78,
			Fetch:    []Fetch{FetchStacks, FetchOwnStack, FetchRawGoroutine},
			Explains: []Effect{
				{Holds, []Kind{MemoryLeak, HeapChurn}},
			},
		},
		{
			Kind: EventSilent, Playbook: "events", Subject: "node, event",
			Claimed: "it used to publish and stopped",
			Measure: Measure{"messages that subscribers miss", "messages", 20, 10000},
			Most:    62,
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{GoesWithout, []Kind{TrafficStopped}},
			},
		},
		{
			Kind: EventStarved, Playbook: "events", Subject: "node, event",
			Claimed: "subscribers wait, nothing was ever published",
			Measure: Measure{"time that subscribers wait", "s", 30, 86400},
			Most:    55,
			Fetch:   []Fetch{FetchRawGoroutine},
		},
		{
			Kind: EventNoSubscribers, Playbook: "events", Subject: "node, event",
			Claimed: "published into the void",
			Measure: Measure{"messages published to nobody", "messages/s", 0.5, 10000},
			Most:    60,
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{Leaves, []Kind{TrafficStopped}},
			},
		},
		{
			Kind: EventFanout, Playbook: "events", Subject: "node, event",
			Claimed: "deliveries per publish are extreme",
			Measure: Measure{"deliveries a second", "messages/s", 1000, 50000},
			Fetch:   []Fetch{FetchRawGoroutine},
			Explains: []Effect{
				{Holds, []Kind{HeapChurn, CPUHotspot}},
				{Floods, []Kind{OverloadedProcess, MailboxGrowth}},
			},
		},
		{
			Kind: Rule, Playbook: "rules", Subject: "what the rule's row names",
			Claimed: "a rule of the user's own holds",
			Measure: Measure{"what the rule measures", "", 1, 1},
			Fetch:   []Fetch{FetchRawGoroutine},
		},
	}
}
