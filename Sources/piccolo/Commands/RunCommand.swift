// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BPF
import Controller
import FlowEngineDriver
import Glibc
import Logging
import Northbound
import Store
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
            in the kernel; the next run takes them over as they are, without losing a packet or a count. What calls have changed is \
            kept in the state directory.
            """)
    @Option(
        name: .long,
        help: ArgumentHelp("The configuration file; without it, the configuration applied last.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
    @OptionGroup var state: StateOption
    @OptionGroup var socket: SocketOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Use the fast-path program in this object file instead of the built-in one.", valueName: "file"),
        completion: .file(extensions: ["o"]))
    var program: String?
    @Flag(exclusivity: .exclusive)
    var onExit = OnExit.detachOnExit
    @Flag(help: "Detach programs of others from the ports' interfaces instead of refusing to start on them.")
    var replaceForeign = false
    @Option(help: "How much the log says.")
    var logLevel = LogLevel.info

    func run() async throws {
        let file = try config.map { try ConfigurationFile.read($0) } ?? state.remembered()
        let wanted = file.configuration
        let lock: StateLock
        do { lock = try StateLock(state: wanted.pinPath) } catch { throw CommandFailure(message: "\(error)") }
        let sizes = try sizes(wanted)
        let store = try state.open(node: wanted.node.name)
        var cpuPorts: CPUPorts?
        let plane: XDPDataPlane
        let earlier = state.earlier()
        var notes: [String] = []
        let isPinned: Bool
        do {
            // Of another path they hold the interfaces that the new ones want.
            let isMoved = earlier.configuration.map { $0.pinPath != wanted.pinPath } ?? false
            if isMoved { notes += CPUPorts.releaseAbandoned(earlier.configuration, wanted) }
            // First: its ports are interfaces that the rest of the node finds.
            if let card = wanted.card, let cable = card.cpuPort { cpuPorts = try CPUPorts(card, cable, wanted) }
            (plane, isPinned) = try Self.load(sizes, &notes)
            if !isMoved { notes += CPUPorts.releaseAbandoned(earlier.configuration, wanted) }
        } catch {
            try? cpuPorts?.releaseUnlessAdopted()
            // Only an empty one goes: what an earlier process left pinned stays.
            rmdir(wanted.pinPath)
            store.close()
            throw error is CommandFailure ? error : CommandFailure(message: "\(error)")
        }
        notes += CardFront.withdrawAbandoned(earlier, wanted, store)
        let (front, awaited) = CardFront.start(wanted, plane, store, state.earlier().node, isPinned: isPinned, &notes)
        var options = NodeController.Options()
        options.eventDescriptors = plane.eventFileDescriptors
        options.ecmpSeed = plane.state.ecmpSeed
        options.logger = logger()
        for note in notes { options.logger.notice("event=notice what=\"\(note)\"") }
        let held = OnControllerThread(plane, front: front)
        let daemon: DaemonState
        let controller: NodeController
        do {
            daemon = try DaemonState(
                configurationFile: file.source.path, stateDirectory: state.stateDir, notes: notes,
                startReason: plane.adoptionRefusal ?? plane.pendingUpgrade ?? "")
            controller = try held.hand(to: options, replaceForeign: replaceForeign, store: store)
            try await controller.start(file, facts: daemon.facts())
        } catch {
            // Nothing is attached yet. What an earlier process left attached goes on; an empty folder goes.
            try? cpuPorts?.releaseUnlessAdopted()
            held.plane.abandon()
            rmdir(wanted.pinPath)
            store.close()
            throw CommandFailure(message: "cannot start: \(error)")
        }
        daemon.watchSignals(keepOnExit: onExit == .keepOnExit)
        let programs = ProgramReplacement(
            controller: controller, held: held, logger: options.logger,
            complain: { sentence in daemon.notes.withLock { $0.append(sentence) } })
        let upgrade = await programs.upgrade(to: sizes)
        let watch = awaited.map { card in Task { await card.watch(daemon) } }
        var (ending, failure) = await serve(controller, daemon, programs, held, cpuPorts, options.logger)
        watch?.cancel()
        upgrade?.cancel()
        if ending == .startAgain, let keeping = daemon.stopRequest { ending = keeping ? .keep : .detach }
        let keeps = ending != .detach
        if !keeps {
            let left = await controller.withDataPlane { _ in
                let left = held.front.map { CardFront.withdraw($0) } ?? 0
                held.plane.detachAll()
                return left
            }
            if left > 0 {
                options.logger.error("event=card_rules_left count=\(left) why=\"the card could not be written\"")
            }
        }
        await controller.shutdown()
        // Told to stop while it was about to start again: the controller's thread has ended.
        let stop = ending == .startAgain ? daemon.stopRequest : nil
        if stop == false { held.plane.detachAll() }
        if !keeps || stop == false, let cpuPorts {
            do { try cpuPorts.release() } catch { options.logger.error("event=card_ports_left why=\"\(error)\"") }
        }
        store.close()
        _ = consume lock
        if let failure { throw failure }
        if ending == .startAgain, stop == nil { throw AwaitedCard.startAgain() }
    }

    /// What becomes of the programs when the process ends, and whether another follows.
    private enum Ending { case detach, keep, startAgain }

    private func logger() -> Logger {
        var logger = Logger(label: "piccolo") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
        return logger
    }

    private func sizes(_ wanted: Configuration) throws -> XDPConfiguration {
        var sizes = XDPConfiguration()
        sizes.ipv4Flows = wanted.limits.ipv4Flows
        sizes.ipv6Flows = wanted.limits.ipv6Flows
        sizes.macs = wanted.limits.macs
        sizes.routes = wanted.limits.routes
        sizes.eventsPerSecond = wanted.limits.eventsPerSecondPerPort
        sizes.hashSeed = wanted.node.hashSeed
        sizes.multiBuffer = true
        sizes.pinDirectory = wanted.pinPath
        if let program {
            do { sizes.image = try FastPathImage(try LineFile.bytes(of: program)) } catch let error
                as FastPathImageError
            {
                throw CommandFailure(message: "\(program): \(error)")
            }
        }
        return sizes
    }

    /// Loads the fast path, pinned if there is a BPF file system to pin it on.
    private static func load(
        _ wanted: XDPConfiguration, _ notes: inout [String]
    ) throws -> (plane: XDPDataPlane, isPinned: Bool) {
        var sizes = wanted
        do {
            do {
                return (try XDPDataPlane(sizes), true)
            } catch XDPDataPlaneError.kernel(let error) where error.isAboutPinning {
                sizes.pinDirectory = nil
                notes.append("nothing is pinned, so packets take the kernel's stack while no daemon runs: \(error)")
                return (try XDPDataPlane(sizes), false)
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
        _ controller: NodeController, _ daemon: DaemonState, _ programs: ProgramReplacement,
        _ held: OnControllerThread, _ cpuPorts: CPUPorts?, _ logger: Logger
    ) async -> (ending: Ending, failure: CommandFailure?) {
        #if Northbound
        let service = ControllerService(
            controller: controller, daemon: daemon, programs: programs, held: held, cpuPorts: cpuPorts)
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
        var ending = Ending.detach
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
                ending = keeping ? .keep : .detach
                break events
            case .startAgain:
                // Without the file, which may say something else by now.
                guard state.earlier().configuration != nil else { continue }
                logger.notice("event=card_answers why=\"the node starts again to use it\"")
                ending = .startAgain
                break events
            }
        }
        logger.info("event=stopping keeping=\(ending != .detach)")
        #if Northbound
        server.cancel()
        let ended = await server.result
        if case .failure(let failure as CommandFailure) = ended { return (.detach, failure) }
        #endif
        return (ending, nil)
    }
}

/// The data plane, for the few things only its maker asks of it.
struct OnControllerThread: @unchecked Sendable {
    // SAFETY: used before the controller exists, and inside `withDataPlane`, which runs on the controller's thread.
    let plane: XDPDataPlane
    /// The card before it; nil: there is none.
    let front: FlowEngineDataPlane?

    init(_ plane: XDPDataPlane, front: FlowEngineDataPlane? = nil) { (self.plane, self.front) = (plane, front) }

    /// Makes the controller the owner of the data plane and of what attaches it: both are its thread's from here on.
    func hand(
        to options: NodeController.Options, replaceForeign: Bool, store: any NodeStore
    ) throws -> NodeController {
        nonisolated(unsafe) let owned: any DataPlane =
            front.map { TieredDataPlane(back: plane, front: $0, planner: $0) } ?? plane
        nonisolated(unsafe) let binder: any PortBinder = XDPPortBinder(plane, replaceForeign: replaceForeign)
        return try NodeController(dataPlane: owned, binder: binder, store: store, options: options)
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
