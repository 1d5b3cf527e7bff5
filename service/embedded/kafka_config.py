"""What one Kafka node needs to be told: its properties, its logging, its JVM. Text only, no I/O."""

from pathlib import Path
from typing import Final, Literal

Profile = Literal["small", "bench"]

RECORD_BYTES_MAX: Final = 16 * 1024 * 1024  # a 10 MB event must arrive, to be dead-lettered

_JVM: Final[dict[Profile, tuple[str, ...]]] = {
    # Starts in half the time of the default flags, in a third of the memory.
    "small": ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms128m", "-Xmx384m"),
    "bench": ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Xms1g", "-Xmx1g"),
}
_MiB: Final = 1024 * 1024


def server_properties(port: int, controller_port: int, data: Path) -> str:
    """Return the KRaft configuration of one node that is broker and controller.

    Internal topics get one replica and few partitions: with the defaults (three replicas, fifty
    partitions) the first consumer waits for seconds, or for ever.
    """
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        "message.max.bytes": RECORD_BYTES_MAX,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 16 * _MiB,  # the default alone is a third of the heap
        "log.retention.hours": 168,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def log4j_properties(log_path: Path) -> str:
    """Return a log4j 2 configuration: warnings and the server's own start, into one file."""
    return f"""\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log_path}
appender.file.filePattern = {log_path}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %-5p %c{{1}} %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


def java_command(
    profile: Profile, jars: list[Path], log4j: Path, main_class: str, arguments: list[str]
) -> list[str]:
    """Return the command line that runs one of Kafka's main classes."""
    classpath = ":".join(str(jar) for jar in jars)
    return [
        "java",
        *_JVM[profile],
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        classpath,
        main_class,
        *arguments,
    ]
