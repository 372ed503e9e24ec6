package streamsql

import "github.com/streamsql/streamsql/exec"

// Progress is the state of a job at its last commit, with what has been amiss since.
type Progress = exec.Progress

// Job is a job that runs or has run: Stop ends it with a commit, Wait gives its
// error, Progress its state.
type Job struct {
	*exec.Job
	name  string
	ended <-chan struct{} // closed once its name is free again
}

// unnamed is a job without a name, which nobody can start again.
func unnamed(j *exec.Job) *Job { return &Job{Job: j, ended: j.Done()} }

// Wait returns when the job has ended and may be started again: nil, ErrFinished,
// the context's error or what made it fail.
func (j *Job) Wait() error {
	<-j.ended
	return j.Job.Wait()
}

// Done is closed when the job has ended and may be started again.
func (j *Job) Done() <-chan struct{} { return j.ended }

// Name is the job's name; "" for one without.
func (j *Job) Name() string { return j.name }
