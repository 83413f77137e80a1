// Package playbook lists the playbooks: the judgements over a scene, a room for
// each subject. To find where a kind of finding is decided, look for its name:
//
//   - bottleneck: blocked.go (blocked_callback), stuck.go (stuck_call),
//     overload.go (overloaded_process), mailbox.go (mailbox_growth), pool.go
//     (pool_overflow);
//   - restart: restart.go (restart_loop), limit.go (supervisor_limit);
//   - process: leak.go (process_leak), zombie.go (zombie_processes);
//   - health: away.go (node_down, node_restarted), clock.go (clock_skew),
//     errors.go (error_burst), delivery.go (delivery_errors), application.go
//     (application_down), shutdown.go (shutdown_stuck);
//   - network: link.go (link_flap, link_down), loss.go (message_loss), slow.go
//     (slow_link), handshakes.go (handshake_errors);
//   - cpu (cpu_hotspot), memory (memory_leak; churn.go: heap_churn), goroutines
//     (goroutine_growth), events (event_silent, event_starved,
//     event_no_subscribers, event_fanout).
//
// The rooms below do not know each other, but for cpu, which asks memory whether
// a rise of allocation explains a rise of CPU.
package playbook
