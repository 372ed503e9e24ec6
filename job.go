package streamsql

import "github.com/streamsql/streamsql/exec"

// Progress is the state of a job at its last commit, with what has been amiss since.
type Progress = exec.Progress

// Job is a job that runs or has run: Stop ends it with a commit, Wait gives its
// error, Progress its state.
type Job struct {
	*exec.Job
	name string
}

// Name is the job's name; "" for one without.
func (j *Job) Name() string { return j.name }
