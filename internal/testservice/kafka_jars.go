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
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("kafka: %w: %w", err, ErrUnavailable)
	}
	base := filepath.Join(cache, "streamsql")
	dir := filepath.Join(base, "kafka-"+kafkaVersion)
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
		return "", fmt.Errorf("kafka's jars need mvn in PATH to be fetched, or STREAMSQL_KAFKA_JARS: %w", ErrUnavailable)
	}
	pom := dir + ".xml"
	if err := os.WriteFile(pom, []byte(kafkaPOM), 0o644); err != nil {
		return "", err
	}
	out, err := exec.Command("mvn", "-B", "-q", "-f", pom, "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+dir).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("fetching Kafka's jars: %w: %s: %w", err, out, ErrUnavailable)
	}
	return dir, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
}
