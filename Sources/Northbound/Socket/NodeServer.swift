// SPDX-License-Identifier: Apache-2.0
#if Northbound
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import PiccoloProto

/// Serves a node on a Unix socket.
public enum NodeServer {
    /// How long calls under way may take when the server is told to stop.
    private static let grace = Duration.seconds(2)

    /// Listens at `socket` (mode 0600) and serves until the task is cancelled. The socket is gone when this returns.
    ///
    /// - Parameter listening: called once clients can connect.
    /// - Throws: `SocketError` when another daemon is there or the socket cannot be made; whatever ended the transport.
    public static func serve(
        _ service: some NodeService, socket path: String = NodeAddress.defaultSocket,
        listening: @Sendable () -> Void = {}
    ) async throws {
        var socket = try ListeningSocket(path: path)
        let transport = HTTP2ServerTransport.Posix(
            listeningSocketDescriptor: Int(socket.takeDescriptor()), transportSecurity: .plaintext)
        let server = GRPCServer(transport: transport, services: [NodeEndpoint(service: service)])
        // Connections are taken from here on: they wait in the socket's backlog until the transport runs.
        listening()
        // Cancelling the transport would cut the calls that are under way; they get a moment to end instead.
        let serving = Task { try await server.serve() }
        let result = await withTaskCancellationHandler {
            await serving.result
        } onCancel: {
            server.beginGracefulShutdown()
            Task {
                try? await Task.sleep(for: grace)
                serving.cancel()
            }
        }
        if !Task.isCancelled { try result.get() }
        _ = consume socket
    }
}
#endif
