// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineSimulator
import Glibc

struct CardSimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Be a Real-Time HAT, in software, for whoever connects to a socket.",
        discussion: """
            It behaves like the card in registers, tables and frames, and is used like one: `--card simulated:SOCKET`. What it models, and \
            what not, is in Sources/FlowEngineSimulator/README.md. Runs until SIGINT or SIGTERM.
            """)
    @Option(
        help: ArgumentHelp("Socket to listen on; it is removed at the end.", valueName: "path"), completion: .file())
    var listen: String
    @Option(help: ArgumentHelp("Revision of the register map; by default the board's.", valueName: "revision"))
    var mapRevision: Int?
    @Option(help: ArgumentHelp("Key sets of the flow cache; by default the board's.", valueName: "revision"))
    var hashRevision: Int?
    @Option(help: "Seed of what is drawn: device id, bits that flip.") var seed: UInt64 = 1

    func run() throws {
        let configuration = CardConfiguration(
            profile: .realTimeHAT, mapRevision: mapRevision,
            hashRevision: hashRevision, seed: seed)
        // Blocked before there is a second thread, so that this one gets them.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let server: SimulatedCardServer
        do {
            server = try SimulatedCardServer(SimulatedCard(configuration), path: listen)
        } catch {
            throw CommandFailure(message: "\(error)")
        }
        Terminal.error(
            "piccolo: a simulated Real-Time HAT, map revision \(configuration.mapRevision), hash revision "
                + "\(configuration.hashRevision), listens on \(listen)")
        var signal: Int32 = 0
        while sigwait(&signals, &signal) == EINTR {}
        server.stop()
    }
}
