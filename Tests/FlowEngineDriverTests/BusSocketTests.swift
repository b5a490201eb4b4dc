// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Glibc
import Synchronization
import Testing

@Suite("A card behind a socket")
struct BusSocketTests {
    /// A bus on a server that reacts so, and the error its first access gives.
    private func failure(
        timeout: Int = 10_000, _ react: @escaping @Sendable ([UInt8]) -> ModelCardServer.Reaction
    ) throws -> (text: String, again: String) {
        let server = try ModelCardServer(react)
        let bus = SPIRegisterBus(try SocketSPIDevice(path: server.path, timeout: timeout))
        let first = #expect(throws: BusError.self) { try bus.writeWord(ModelCard.scratch, 1) }
        #expect(first?.completed == 0)
        let second = #expect(throws: BusError.self) { try bus.writeWord(ModelCard.scratch, 1) }
        return (first.map { "\($0)" } ?? "", second.map { "\($0)" } ?? "")
    }

    @Test("nobody at the path is said, with what to do")
    func notThere() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/card.sock"
        let error = #expect(throws: CardSocketError.self) { _ = try SocketSPIDevice(path: path) }
        #expect(error == .notThere(path: path, errno: ENOENT))
        #expect(error.map { "\($0)" }?.hasPrefix("no card listens at \(path): No such file or directory") == true)
        let long = "/tmp/" + String(repeating: "x", count: 120)
        #expect(throws: CardSocketError.pathTooLong(path: long, limit: 107)) { _ = try SocketSPIDevice(path: long) }
    }

    @Test("a card that hangs up is gone, and the next request is another connection's")
    func hangsUp() throws {
        let (text, again) = try failure { _ in .hangUp }
        #expect(text.contains("hung up; whether it carried out the last request is unknown"))
        #expect(again == text)
    }

    @Test("a card whose process ended is gone, until another stands in its place", arguments: BoardKind.allCases)
    func comesBack(_ board: BoardKind) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/card.sock"
        let configuration = CardConfiguration(profile: board == .realTimeHAT ? .realTimeHAT : .trustNode)
        let scratch = FlowEngineMap.revision7.common.rwTest.address
        var server: SimulatedCardServer? = try SimulatedCardServer(SimulatedCard(configuration), path: path)
        let bus = try CardLocation.simulated(path: path).open()
        try bus.writeWord(scratch, 5)
        #expect(try bus.readWord(scratch) == 5)
        server?.stop()
        _ = #expect(throws: BusError.self) { try bus.readWord(scratch) }
        let gone = #expect(throws: BusError.self) { try bus.readWord(scratch) }
        #expect(gone.map { "\($0)" }?.contains("no card listens at") == true)
        server = try SimulatedCardServer(SimulatedCard(configuration), path: path)
        // One that was never written.
        #expect(try bus.readWord(scratch) == 0)
        server?.stop()
    }

    @Test("a word that is not answered ends its batch at once, and the batch does not pass for carried out")
    func lateWord() throws {
        let asked = Atomic(0)
        let server = try ModelCardServer { request in
            asked.add(1, ordering: .relaxed).newValue == 50
                ? .silence : .reply([request[0] | 0x80, 0, 0, 0] + Array(repeating: 0, count: 4))
        }
        let bus = WindowRegisterBus(try SocketWindow(path: server.path, timeout: 500, restFactor: 0), name: "socket")
        var batch = [RegisterAccess](repeating: .read(ModelCard.scratch), count: 100)
        let late = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        #expect(late.map { "\($0)" }?.contains("did not answer within 500 ms") == true)
        #expect(asked.load(ordering: .relaxed) == 50)
        // The next batch is another connection's.
        try bus.transfer(&batch)
    }

    enum BoardKind: CaseIterable { case realTimeHAT, trustNode }

    @Test(
        "an answer that does not come ends the connection, and the card is left alone for a while"
    )
    func late() throws {
        let asked = Atomic(0)
        let server = try ModelCardServer { _ in
            asked.add(1, ordering: .relaxed).oldValue == 0
                ? .silence : .reply(ModelCardServer.error("this is the second request"))
        }
        let bus = SPIRegisterBus(try SocketSPIDevice(path: server.path, timeout: 500, restFactor: 4))
        func write() -> String {
            (#expect(throws: BusError.self) { try bus.writeWord(ModelCard.scratch, 1) }).map { "\($0)" } ?? ""
        }
        #expect(write().contains("did not answer within 500 ms"))
        #expect(write().contains("is left alone for a while"))
        #expect(asked.load(ordering: .relaxed) == 1)
        usleep(2_100_000)
        #expect(write().contains("this is the second request"))
    }

    @Test("a refusal carries the card's own words, and the connection stays")
    func refused() throws {
        let (text, again) = try failure { _ in .reply(ModelCardServer.error("the batch is odd")) }
        #expect(text.contains("refused: the batch is odd"))
        #expect(again == text)
    }

    @Test("answers with wrong counts, kinds or lengths are told apart")
    func malformed() throws {
        let slave = ModelSPISlave(ModelCard())
        let broken: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
            ("answered 4 frames with 5", { $0.prefix(3) + [5] + $0.dropFirst(4) }),
            ("answered request 1 with a message of kind 130", { [0x82] + $0.dropFirst() }),
            ("ends where", { Array($0.dropLast(3)) }), ("has 2 bytes too many", { $0 + [0, 0] }),
            ("answered frame 1 of 8 bytes with 7 bytes", { $0.prefix(5) + [7] + $0.dropFirst(6) }),
            ("ends where", { Array($0.prefix(1)) }),
        ]
        for (expected, change) in broken {
            let (text, _) = try failure { .reply(change(ModelCardServer.batch($0, slave))) }
            #expect(text.contains("does not keep to the protocol"))
            #expect(text.contains(expected), "\(text)")
        }
    }

    @Test("more frames than a message holds go in several")
    func large() throws {
        let card = ModelCard()
        let server = try ModelCardServer(ModelSPISlave(card))
        let device = try SocketSPIDevice(path: server.path)
        #expect(device.limits.frames == 4096)
        let bus = SPIRegisterBus(device)
        var batch = (0..<10_000).map { RegisterAccess.write(ModelCard.memory + 4 * ($0 % 4096), UInt32($0)) }
        try bus.transfer(&batch)
        #expect(card.testLog == batch)
        var frames = SPIFrames()
        for _ in 0..<4097 { frames.append([0, 0]) }
        let error = #expect(throws: SPIError.self) { try device.exchange(&frames) }
        #expect(error.map { "\($0.cause)" }?.contains("4097 frames; a batch holds 4096") == true)
    }
}

@Suite("A simulated card's ports over its socket")
struct SimulatedCardClientTests {
    @Test("a frame goes in at a port, and what comes out has its place")
    func frames() throws {
        let server = try ModelCardServer { request in
            guard request.prefix(4) == [2, 3, 0, 5] else { return .reply(ModelCardServer.error("\(request)")) }
            let body = Array(request.dropFirst(4))
            return .reply([0x82, 0, 0, 2, 0, 7, 0, 5] + body + [1, 4, 0, 2, 0xaa, 0xbb])
        }
        var client = try SimulatedCardClient(path: server.path)
        let emissions = try client.send([1, 2, 3, 4, 5], at: .port(3))
        #expect(emissions == [.init(.port(7), [1, 2, 3, 4, 5]), .init(.cpu(interface: 4), [0xaa, 0xbb])])
    }

    @Test("a frame from the host has port 255")
    func cpu() throws {
        let server = try ModelCardServer { request in
            request == [2, 0xff, 0, 1, 9] ? .reply([0x82, 0, 0, 0]) : .reply(ModelCardServer.error("\(request)"))
        }
        var client = try SimulatedCardClient(path: server.path)
        #expect(try client.send([9], at: .cpu) == [])
    }

    @Test("time is 64 bits of nanoseconds, the highest first")
    func time() throws {
        let server = try ModelCardServer { request in
            request == [3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]
                ? .reply([0x83, 0, 0, 0]) : .reply(ModelCardServer.error("\(request)"))
        }
        var client = try SimulatedCardClient(path: server.path)
        try client.advance(nanoseconds: 1 << 32 | 2)
    }

    @Test("what cannot be sent, and answers that cannot be, are errors")
    func errors() throws {
        let server = try ModelCardServer { _ in .reply([0x82, 0, 0, 1, 9, 0, 0, 0]) }
        func text(_ body: (inout SimulatedCardClient) throws -> Void) throws -> String {
            var client = try SimulatedCardClient(path: server.path)
            do {
                try body(&client)
            } catch {
                return "\(error)"
            }
            return "no error"
        }
        #expect(try text { _ = try $0.send([], at: .port(255)) }.contains("port 255; a port is 0 to 254"))
        #expect(try text { _ = try $0.send([], at: .port(-1)) }.contains("port -1"))
        #expect(
            try text { _ = try $0.send([UInt8](repeating: 0, count: 65_536), at: .cpu) }.contains(
                "a frame of 65536 bytes"))
        #expect(try text { _ = try $0.send([], at: .cpu) }.contains("a place of kind 9"))
        #expect(try text { try $0.advance(nanoseconds: 1) }.contains("answered request 3 with a message of kind 130"))
    }
}
