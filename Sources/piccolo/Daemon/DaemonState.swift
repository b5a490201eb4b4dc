// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Dispatch
import Glibc
import Northbound
import Synchronization
import XDPDataPlane

/// What makes the daemon act from outside its controller: signals, the kernel's news, a client's wish.
enum DaemonEvent: Sendable {
    case hostChanged
    case reload
    /// `keeping`: leave programs, links and tables in the kernel.
    case stop(keeping: Bool)
    /// Something that the start did not find is there now: as a new process, which takes everything over.
    case startAgain
}

/// The parts of a running daemon that are neither controller nor data plane: where its configuration is, and how it is told things.
final class DaemonState: Sendable {
    /// Read at the start and at a reload.
    let configurationFile: String
    let stateDirectory: String
    /// What is not as it should be since the start, in sentences.
    let notes: Mutex<[String]>
    /// Why tables were made anew, or taken over as they were; may be empty.
    let startReason: String
    /// The file in force: that one, or another that a client had applied.
    let appliedFile: Mutex<String>
    let events: AsyncStream<DaemonEvent>
    private let continuation: AsyncStream<DaemonEvent>.Continuation
    private let stopped = Mutex<Bool?>(nil)
    private let observer: Mutex<HostObserver>
    // SAFETY: written while the daemon starts, by one thread; kept only so that the sources live.
    private nonisolated(unsafe) var sources: [any DispatchSourceProtocol] = []

    init(configurationFile: String, stateDirectory: String, notes: [String], startReason: String) throws {
        (self.configurationFile, self.stateDirectory) = (configurationFile, stateDirectory)
        self.notes = Mutex(notes)
        self.startReason = startReason
        appliedFile = Mutex(configurationFile)
        let observer = try HostObserver()
        let descriptor = observer.fileDescriptor
        self.observer = Mutex(observer)
        (events, continuation) = AsyncStream.makeStream(of: DaemonEvent.self, bufferingPolicy: .bufferingNewest(64))
        watch(descriptor)
    }

    /// The kernel's news: read away here, so that a burst of them is one event.
    private func watch(_ descriptor: Int32) {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
        source.setEventHandler { [weak self] in
            guard let self else { return }
            // What cannot be read (an overrun) is news as well: everything is listed again anyway.
            let changed = self.observer.withLock { (try? $0.drain()) ?? true }
            if changed { self.continuation.yield(.hostChanged) }
        }
        source.activate()
        sources.append(source)
    }

    /// Turns signals into events: HUP reloads; INT and TERM stop.
    func watchSignals(keepOnExit: Bool) {
        for (number, event) in [
            (SIGHUP, DaemonEvent.reload), (SIGTERM, .stop(keeping: keepOnExit)), (SIGINT, .stop(keeping: keepOnExit)),
        ] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in
                if case .stop(let keeping) = event {
                    self?.stop(keeping: keeping)
                } else {
                    self?.continuation.yield(event)
                }
            }
            source.activate()
            sources.append(source)
        }
    }

    func stop(keeping: Bool) {
        stopped.withLock { $0 = $0 ?? keeping }
        continuation.yield(.stop(keeping: keeping))
    }

    /// Whether it was told to stop, and to keep what is in the kernel: also when nobody waits for events any more.
    var stopRequest: Bool? { stopped.withLock { $0 } }

    func startAgain() { continuation.yield(.startAgain) }

    func facts() throws -> HostFacts {
        try observer.withLock { observer in
            Result { try observer.facts() }
        }.get()
    }

    /// What the host says, for a call.
    func factsForCall() throws(NodeError) -> HostFacts {
        do { return try facts() } catch { throw .failed("\(error)") }
    }

    /// Reads the configuration again and applies the differences: all, or none.
    func reload(_ controller: NodeController) async throws(NodeError) -> ReloadReport {
        let text: String
        do { text = try LineFile.text(of: configurationFile) } catch {
            throw .failed((error as? CommandFailure)?.message ?? "\(error)")
        }
        let report = try await apply(try .checked(text, path: configurationFile), controller)
        return ReloadReport(inserted: report.inserted, modified: report.modified, deleted: report.deleted)
    }

    /// Applies a file: all, or none.
    func apply(_ file: ConfigurationFile, _ controller: NodeController) async throws(NodeError) -> ApplyReport {
        let facts = try factsForCall()
        let report: ApplyReport
        do { report = try await controller.apply(file, facts: facts) } catch { throw .failed("\(error)") }
        appliedFile.withLock { $0 = file.source.path }
        return report
    }

    /// Of the process, tables mapped into it included; bytes.
    static func residentBytes() -> UInt64 {
        guard let text = try? LineFile.text(of: "/proc/self/statm"), let pages = UInt64(text.split(separator: " ")[1])
        else { return 0 }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }
}

extension ConfigurationFile {
    /// A file that a call brings.
    static func checked(_ text: String, path: String) throws(NodeError) -> ConfigurationFile {
        do { return try ConfigurationFile(text: text, path: path) } catch {
            throw .configuration(complaints: error.complaints.map(\.description))
        }
    }
}
