// SPDX-License-Identifier: Apache-2.0
#if Northbound
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import PiccoloProto

/// Serves a node on a Unix socket.
public enum NodeServer {
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
        do {
            try await withTaskCancellationHandler {
                try await server.serve()
            } onCancel: {
                server.beginGracefulShutdown()
            }
        } catch is CancellationError {}
        _ = consume socket
    }
}
#endif
