//go:build unix

package testservice

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

const kafkaVersion = "4.3.1"

const kafkaPOM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>streamsql</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + kafkaVersion + `</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
`

// kafkaJars gives the directory of Kafka's jars: that of STREAMSQL_KAFKA_JARS,
// else one in the user's cache, which Maven fills at the first call.
func kafkaJars() (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("kafka needs java in PATH: %w", ErrUnavailable)
	}
	if dir := os.Getenv("STREAMSQL_KAFKA_JARS"); dir != "" {
		if found, _ := filepath.Glob(filepath.Join(dir, "kafka_*.jar")); len(found) == 0 {
			return "", fmt.Errorf("no Kafka in STREAMSQL_KAFKA_JARS=%s: %w", dir, ErrUnavailable)
		}
		return dir, nil
	}
	return cached("kafka-"+kafkaVersion, "kafka's jars", func(dir string) *exec.Cmd {
		return exec.Command("sh", "-c", `printf %s "$1" > "$2.xml" && exec mvn -B -q -f "$2.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$2"`, "sh", kafkaPOM, dir)
	})
}

// cached gives a directory of the user's cache, which a command of Maven's fills at
// the first call.
func cached(name, what string, fill func(dir string) *exec.Cmd) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", what, err, ErrUnavailable)
	}
	base := filepath.Join(cache, "streamsql")
	dir := filepath.Join(base, name)
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir, nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", fmt.Errorf("%s need mvn in PATH to be fetched: %w", what, ErrUnavailable)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if out, err := fill(dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetching %s: %w: %s: %w", what, err, out, ErrUnavailable)
	}
	return dir, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
}
