// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Glibc
@testable import Northbound
import Testing

@Suite("The socket", .timeLimit(.minutes(1)))
struct SocketTests {
    @Test("it is for its owner alone, and nothing is left when the server ends")
    func mode() async throws {
        try await withFolder { folder in
            try await withServer(FakeNode(), socket: folder + "/n.sock") { socket in
                var status = stat()
                #expect(lstat(socket, &status) == 0)
                #expect(status.st_mode == S_IFSOCK | 0o600)
                let names = try contents(of: folder)
                #expect(names == ["n.sock", "n.sock.lock"])
            }
            #expect(try contents(of: folder).isEmpty)
        }
    }

    @Test("a dead daemon's socket is replaced")
    func stale() async throws {
        try await withFolder { folder in
            let path = folder + "/n.sock"
            try makeStaleSocket(path)
            #expect(try SocketProbe(path: path) == .stale)
            try await withServer(FakeNode(), socket: path) { socket in
                try await expectAnswer(at: socket)
            }
        }
    }

    @Test("a living daemon's socket is refused with its process")
    func live() async throws {
        try await withFolder { folder in
            let path = folder + "/n.sock"
            try await withServer(FakeNode(), socket: path) { socket in
                await #expect(throws: SocketError.inUse(path: path, pid: getpid())) {
                    try await NodeServer.serve(FakeNode(), socket: socket)
                }
                // The first one is none the worse for it.
                try await expectAnswer(at: socket)
                // Even if somebody took the lock away, the one that answers is found out.
                unlink(socket + ".lock")
                await #expect(throws: SocketError.inUse(path: path, pid: getpid())) {
                    try await NodeServer.serve(FakeNode(), socket: socket)
                }
            }
        }
    }

    @Test("a file that is no socket is left alone")
    func notASocket() async throws {
        try await withFolder { folder in
            let path = folder + "/n.sock"
            close(open(path, O_CREAT | O_WRONLY, 0o644))
            await #expect(throws: SocketError.notASocket(path: path)) {
                try await NodeServer.serve(FakeNode(), socket: path)
            }
            let names = try contents(of: folder)
            #expect(names == ["n.sock"])
            #expect(SocketError.notASocket(path: "/x").description.contains("remove it"))
        }
    }

    @Test("a path that does not fit a socket's address is refused")
    func longPath() async throws {
        let path = "/tmp/" + String(repeating: "x", count: 103)
        await #expect(throws: SocketError.pathTooLong(path)) { try await NodeServer.serve(FakeNode(), socket: path) }
    }

    @Test("the longest path that fits works")
    func longestPath() async throws {
        try await withFolder { folder in
            let name = String(repeating: "x", count: NodeAddress.longestPath - folder.utf8.count - 1)
            try await withServer(FakeNode(), socket: "\(folder)/\(name)") { socket in
                try await expectAnswer(at: socket)
            }
        }
    }

    @Test("without a daemon the client says how to start one", arguments: [false, true])
    func noDaemon(stale: Bool) async throws {
        try await withFolder { folder in
            let path = folder + "/n.sock"
            if stale { try makeStaleSocket(path) }
            await #expect(throws: NodeError.noDaemon(socket: path)) { try await NodeClient.connect(to: path) { _ in } }
        }
        #expect(
            NodeError.noDaemon(socket: "/run/piccolo/piccolo.sock").description
                == "no piccolo daemon answers at /run/piccolo/piccolo.sock: start one with `piccolo run --config FILE`")
    }

    private func expectAnswer(at socket: String) async throws {
        let status = try await NodeClient.connect(to: socket) { client in try await client.status() }
        #expect(status.pid == 4711)
    }

    private func makeStaleSocket(_ path: String) throws {
        let socket = try SocketDescriptor.unix(path: path)
        #expect(try socket.address(path, { bind($0, $1, $2) }) == 0)
    }
}
#endif
