package rig

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"roost/testkit/testtime"
)

// A process and its child stop, and go on.
func TestPauseStopsAProcessAndItsChildren(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "exec 3<&0; cat <&3 & echo $!; wait")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{cmd.Process.Pid, child}
	resume, err := (&Rig{postgres: cmd.Process.Pid}).PausePostgres()
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		await(t, pid, true)
	}
	for range 2 {
		if err := resume(); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		await(t, pid, false)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// await waits until a process is stopped, or is not.
func await(t *testing.T, pid int, stopped bool) {
	t.Helper()
	testtime.Until(t, fmt.Sprintf("process %d has stopped: %v", pid, stopped), func() bool {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		return strings.HasPrefix(rest, "T") == stopped
	})
}
