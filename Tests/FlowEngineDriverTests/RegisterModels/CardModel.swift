// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Foundation
import Testing

/// Models of the card that know nothing of each other; what is public of its registers holds for all of them.
enum CardModel: String, CaseIterable, Sendable {
    /// `FlowEngineSimulator`.
    case simulated
    /// The register block generated from `fpga-regs/`, behind a bit-level SPI slave, in Verilator. Built by `tools/card-rtl`.
    case hardwareDescription

    /// The program that `tools/card-rtl` built. `tools/test` builds it and sets this.
    static let variable = "PICCOLO_CARD_RTL"

    /// Those that are to be tested here.
    static var present: [CardModel] {
        ProcessInfo.processInfo.environment[variable] == nil ? [.simulated] : allCases
    }

    /// Starts a card of map revision 17.
    func start() throws -> RunningCard {
        switch self {
        case .simulated: try SimulatedRunningCard()
        case .hardwareDescription: try ProgramRunningCard()
        }
    }
}

/// A card that answers at a socket.
protocol RunningCard: AnyObject {
    var path: String { get }
}

private final class SimulatedRunningCard: RunningCard {
    private let folder: TemporaryFolder
    private let server: SimulatedCardServer
    var path: String { server.path }

    init() throws {
        folder = try TemporaryFolder()
        let card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT, mapRevision: 17))
        server = try SimulatedCardServer(card, path: folder.path + "/card.sock")
    }

    deinit { server.stop() }
}

private final class ProgramRunningCard: RunningCard {
    private let folder: TemporaryFolder
    private let process = Process()
    private let input = Pipe()
    let path: String

    init() throws {
        let program = try #require(ProcessInfo.processInfo.environment[CardModel.variable])
        folder = try TemporaryFolder()
        path = folder.path + "/card.sock"
        let output = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = [path]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        let first = try output.fileHandleForReading.read(upToCount: 6) ?? Data()
        try #require(String(decoding: first, as: UTF8.self) == "ready\n", "\(program) did not say that it is ready")
    }

    /// It ends with its input.
    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
