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
}

/// The parts of a running daemon that are neither controller nor data plane: where its configuration is, and how it is told things.
final class DaemonState: Sendable {
    let configurationFile: String
    /// What is not as it should be since the start, in sentences.
    let notes: [String]
    let events: AsyncStream<DaemonEvent>
    private let continuation: AsyncStream<DaemonEvent>.Continuation
    private let observer: Mutex<HostObserver>
    // SAFETY: written while the daemon starts, by one thread; kept only so that the sources live.
    private nonisolated(unsafe) var sources: [any DispatchSourceProtocol] = []

    init(configurationFile: String, notes: [String]) throws {
        (self.configurationFile, self.notes) = (configurationFile, notes)
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
            source.setEventHandler { [continuation] in continuation.yield(event) }
            source.activate()
            sources.append(source)
        }
    }

    func stop(keeping: Bool) { continuation.yield(.stop(keeping: keeping)) }

    func facts() throws -> HostFacts {
        try observer.withLock { observer in
            Result { try observer.facts() }
        }.get()
    }

    /// Reads the configuration again and applies the differences: all, or none.
    func reload(_ controller: NodeController) async throws(NodeError) -> ReloadReport {
        let text: String
        let facts: HostFacts
        do {
            text = try LineFile.text(of: configurationFile)
            facts = try self.facts()
        } catch {
            throw .failed((error as? CommandFailure)?.message ?? "\(error)")
        }
        let file: ConfigurationFile
        do {
            file = try ConfigurationFile(text: text, path: configurationFile)
        } catch {
            throw .configuration(complaints: error.complaints.map(\.description))
        }
        do {
            let report = try await controller.apply(file, facts: facts)
            return ReloadReport(inserted: report.inserted, modified: report.modified, deleted: report.deleted)
        } catch {
            throw .failed("\(error)")
        }
    }

    /// Of the process, tables mapped into it included; bytes.
    static func residentBytes() -> UInt64 {
        guard let text = try? LineFile.text(of: "/proc/self/statm"), let pages = UInt64(text.split(separator: " ")[1])
        else { return 0 }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
