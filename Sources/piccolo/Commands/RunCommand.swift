// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BPF
import Controller
import Glibc
import Logging
import Northbound
import Tables
import XDPDataPlane

struct RunCommand: AsyncParsableCommand {
    enum LogLevel: String, ExpressibleByArgument, CaseIterable { case trace, debug, info, notice, warning, error }

    enum OnExit: String, EnumerableFlag {
        case detachOnExit, keepOnExit

        static func help(for value: Self) -> ArgumentHelp? {
            switch value {
            case .detachOnExit:
                "When the node stops, take its programs off the ports and leave nothing behind."
            case .keepOnExit:
                "When the node stops, leave programs and tables in the kernel: packets keep flowing until the next run adopts them."
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the node in the foreground until it is told to stop.",
        discussion: """
            SIGHUP reloads the configuration; SIGTERM and SIGINT stop the node. A process that is killed leaves programs and tables \
            in the kernel; the next run takes over their links, with tables of its own, without losing a packet.
            """)
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var socket: SocketOption
    @Flag(exclusivity: .exclusive)
    var onExit = OnExit.detachOnExit
    @Flag(help: "Detach programs of others from the ports' interfaces instead of refusing to start on them.")
    var replaceForeign = false
    @Option(help: "How much the log says.")
    var logLevel = LogLevel.info

    func run() async throws {
        let wanted = try Configuration.read(configuration.config)
        let lock: StateLock
        do { lock = try StateLock(state: wanted.pinPath) } catch { throw CommandFailure(message: "\(error)") }
        let (plane, notes): (XDPDataPlane, [String])
        do { (plane, notes) = try Self.load(wanted) } catch {
            // Only an empty one goes: what an earlier process left pinned stays.
            rmdir(wanted.pinPath)
            throw error
        }
        var options = NodeController.Options()
        options.eventDescriptors = plane.eventFileDescriptors
        options.ecmpSeed = plane.state.ecmpSeed
        options.logger = logger()
        let held = OnControllerThread(plane)
        let daemon: DaemonState
        let controller: NodeController
        do {
            daemon = try DaemonState(configurationFile: configuration.config, notes: notes)
            controller = try held.hand(to: options, replaceForeign: replaceForeign)
            try await controller.apply(wanted, facts: daemon.facts())
        } catch {
            // Nothing is attached yet. What an earlier process left attached goes on; an empty folder goes.
            held.plane.abandon()
            rmdir(wanted.pinPath)
            throw CommandFailure(message: "cannot start: \(error)")
        }
        daemon.watchSignals(keepOnExit: onExit == .keepOnExit)
        let (keeps, failure) = await serve(controller, daemon, options.logger)
        if !keeps { await controller.withDataPlane { _ in held.plane.detachAll() } }
        await controller.shutdown()
        _ = consume lock
        if let failure { throw failure }
    }

    private func logger() -> Logger {
        var logger = Logger(label: "piccolo") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
        return logger
    }

    /// Loads the fast path, pinned if there is a BPF file system to pin it on; what is not as wanted comes back in sentences.
    private static func load(_ wanted: Configuration) throws -> (XDPDataPlane, [String]) {
        var sizes = XDPConfiguration()
        sizes.ipv4Flows = wanted.limits.ipv4Flows
        sizes.ipv6Flows = wanted.limits.ipv6Flows
        sizes.macs = wanted.limits.macs
        sizes.routes = wanted.limits.routes
        sizes.eventsPerSecond = wanted.limits.eventsPerSecondPerPort
        sizes.hashSeed = wanted.node.hashSeed
        sizes.multiBuffer = true
        sizes.pinDirectory = wanted.pinPath
        // The controller makes its tables anew from the configuration.
        sizes.adopts = false
        do {
            do {
                return (try XDPDataPlane(sizes), [])
            } catch XDPDataPlaneError.kernel(let error) where error.isAboutPinning {
                sizes.pinDirectory = nil
                let note = "nothing is pinned, so packets take the kernel's stack while no daemon runs: \(error)"
                return (try XDPDataPlane(sizes), [note])
            }
        } catch {
            throw CommandFailure(message: "cannot load the fast path\(missingCapabilities()): \(error)")
        }
    }

    /// Said first: the verifier refuses what lacks CAP_PERFMON without naming it.
    private static func missingCapabilities() -> String {
        guard let held = Capability.effective() else { return "" }
        let needed: [Capability] = held.contains(.sysAdmin) ? [.netAdmin] : [.bpf, .netAdmin, .perfmon]
        let missing = needed.filter { !held.contains($0) }
        return missing.isEmpty ? "" : " without \(missing.map(\.description).joined(separator: ", "))"
    }

    /// Serves clients and follows the host until told to stop, or until clients cannot be served.
    private func serve(
        _ controller: NodeController, _ daemon: DaemonState, _ logger: Logger
    ) async -> (keeps: Bool, failure: CommandFailure?) {
        #if Northbound
        let service = ControllerService(controller: controller, daemon: daemon)
        let server = Task { [path = socket.socket] in
            do {
                try await NodeServer.serve(service, socket: path) {
                    logger.info("event=listening socket=\(path)")
                }
            } catch {
                logger.error("event=not_listening socket=\(path) why=\"\(error)\"")
                daemon.stop(keeping: false)
                throw CommandFailure(message: "\(error)")
            }
        }
        #endif
        var keeps = false
        events: for await event in daemon.events {
            switch event {
            case .hostChanged:
                do {
                    try await controller.update(facts: daemon.facts())
                } catch {
                    logger.warning("event=facts_not_applied why=\"\(error)\"")
                }
            case .reload:
                do {
                    _ = try await daemon.reload(controller)
                } catch {
                    logger.error("event=reload_refused why=\"\(error)\"")
                }
            case .stop(let keeping):
                keeps = keeping
                break events
            }
        }
        logger.info("event=stopping keeping=\(keeps)")
        #if Northbound
        server.cancel()
        let ended = await server.result
        if case .failure(let failure as CommandFailure) = ended { return (false, failure) }
        #endif
        return (keeps, nil)
    }
}

/// The data plane, for the few things only its maker asks of it.
struct OnControllerThread: @unchecked Sendable {
    // SAFETY: used before the controller exists, and inside `withDataPlane`, which runs on the controller's thread.
    let plane: XDPDataPlane

    init(_ plane: XDPDataPlane) { self.plane = plane }

    /// Makes the controller the owner of the data plane and of what attaches it: both are its thread's from here on.
    func hand(to options: NodeController.Options, replaceForeign: Bool) throws -> NodeController {
        nonisolated(unsafe) let owned: any DataPlane = plane
        nonisolated(unsafe) let binder: any PortBinder = XDPPortBinder(plane, replaceForeign: replaceForeign)
        return try NodeController(dataPlane: owned, binder: binder, options: options)
    }
}

extension BPFError {
    /// There is no BPF file system where pins should go, or it is read-only.
    fileprivate var isAboutPinning: Bool {
        switch self {
        case .notOnBPFFileSystem, .readOnlyBPFFileSystem: true
        default: false
        }
    }
}
