// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Ownership and spans are used for kernel resources and packet bytes; returning a span from a property
// needs the Lifetimes feature in this compiler.
let settings: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

/// gRPC's network transport brings two copies of BoringSSL. The trait keeps them out of a build that works
/// on the data plane alone: `swift build --disable-default-traits`.
let northbound: TargetDependencyCondition? = .when(traits: ["Northbound"])

let package = Package(
    name: "piccolo-node",
    products: [.executable(name: "piccolo", targets: ["piccolo"])],
    traits: [
        .trait(name: "Northbound", description: "The gRPC services and the commands that talk to a running daemon."),
        .default(enabledTraits: ["Northbound"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    ],
    targets: [
        // C, one wall: module maps for the system's libraries and the few shims Swift cannot express.
        .systemLibrary(name: "CBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev", "libxdp-dev"])]),
        .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
        .target(name: "CLinux"),
        // The layout shared by the BPF programs and user space, read by both compilers.
        .systemLibrary(name: "CFastPath", path: "bpf/include"),

        .target(name: "BPF", dependencies: ["CBPF", "CLinux"], swiftSettings: settings),
        .target(name: "Netlink", dependencies: ["CLinux"], swiftSettings: settings),
        .target(name: "Packet", dependencies: ["CPcap"], swiftSettings: settings),
        .target(name: "Tables", dependencies: ["Packet"], swiftSettings: settings),

        .executableTarget(name: "BPFEmbed"),
        .plugin(name: "CompileBPF", capability: .buildTool(), dependencies: ["BPFEmbed"]),
        .target(
            name: "XDPDataPlane", dependencies: ["BPF", "Netlink", "Tables", "CFastPath", "CLinux"],
            exclude: ["bpf-programs.txt"],
            swiftSettings: settings, plugins: ["CompileBPF"]),

        // The card: its registers, the way to them, the driver, and a card that behaves like one and cannot see the driver.
        .target(name: "FlowEngineRegisters", swiftSettings: settings),
        .target(
            name: "FlowEngineDriver", dependencies: ["FlowEngineRegisters", "Tables", "Packet", "CLinux"],
            exclude: ["README.md"], swiftSettings: settings),
        .target(
            name: "FlowEngineSimulator", dependencies: ["FlowEngineRegisters", "Packet"], exclude: ["README.md"],
            swiftSettings: settings),

        .target(name: "Comparison", dependencies: ["Tables", "Packet"], swiftSettings: settings),
        .target(
            name: "Controller",
            dependencies: ["Tables", "Packet", "Yams", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),

        .target(
            name: "Store",
            dependencies: [
                "Controller", "Tables", "Packet", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),

        .target(
            name: "PiccoloProto",
            dependencies: [
                .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: northbound),
                .product(name: "GRPCCore", package: "grpc-swift-2", condition: northbound),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf", condition: northbound),
            ]),
        .target(
            name: "Northbound",
            dependencies: [
                "Controller", "Tables", "Packet", "PiccoloProto",
                .product(
                    name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport", condition: northbound),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "piccolo",
            dependencies: [
                "Northbound", "Store", "Controller", "XDPDataPlane", "Comparison", "Netlink", "FlowEngineDriver",
                "FlowEngineSimulator", "FlowEngineRegisters",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "piccolo-bench",
            dependencies: [
                "XDPDataPlane", "Store", "Controller", "Netlink", "BPF", "CFastPath", "CLinux", "FlowEngineDriver",
                "FlowEngineSimulator", "FlowEngineRegisters",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["bpf-programs.txt"],
            swiftSettings: settings, plugins: ["CompileBPF"]),
        .executableTarget(
            name: "piccolo-fuzz",
            dependencies: [
                "XDPDataPlane", "Comparison", "FlowEngineDriver", "FlowEngineSimulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),

        .target(
            name: "TestSupport", dependencies: ["BPF", "Netlink", "Tables", "Packet", "CLinux"],
            path: "Tests/TestSupport",
            swiftSettings: settings),
        // Both need the services; without them they are empty.
        .target(
            name: "Soak", dependencies: ["Northbound", "Tables", "Packet", "BPF", "Netlink", "CLinux", "TestSupport"],
            path: "Tests/Soak", swiftSettings: settings),
        .executableTarget(
            name: "piccolo-soak",
            dependencies: ["Soak", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/piccolo-soak", swiftSettings: settings),
        .testTarget(
            name: "BPFTests", dependencies: ["BPF", "TestSupport"], exclude: ["bpf-programs.txt"],
            swiftSettings: settings, plugins: ["CompileBPF"]),
        .testTarget(name: "NetlinkTests", dependencies: ["Netlink", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "PacketTests", dependencies: ["Packet", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "TablesTests", dependencies: ["Tables", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "FlowEngineRegistersTests", dependencies: ["FlowEngineRegisters"], swiftSettings: settings),
        .testTarget(
            name: "FlowEngineSimulatorTests",
            dependencies: ["FlowEngineSimulator", "FlowEngineRegisters", "Packet", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "FlowEngineDriverTests",
            dependencies: [
                "FlowEngineDriver", "FlowEngineSimulator", "FlowEngineRegisters", "Tables", "Packet", "TestSupport",
            ], swiftSettings: settings),
        .testTarget(
            name: "XDPDataPlaneTests",
            dependencies: ["XDPDataPlane", "CFastPath", "FlowEngineSimulator", "FlowEngineRegisters", "TestSupport"],
            exclude: ["bpf-programs.txt"], swiftSettings: settings, plugins: ["CompileBPF"]),
        .testTarget(
            name: "ComparisonTests", dependencies: ["Comparison", "XDPDataPlane", "TestSupport", "piccolo-fuzz"],
            swiftSettings: settings),
        .testTarget(
            name: "ControllerTests",
            dependencies: [
                "Controller", "FlowEngineDriver", "FlowEngineSimulator", "FlowEngineRegisters", "TestSupport",
            ], swiftSettings: settings),
        // A file system that fails and forgets, between SQLite and the real one.
        .target(name: "StoreFaults", path: "Tests/StoreFaults", linkerSettings: [.linkedLibrary("sqlite3")]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Store", "StoreFaults", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(
            name: "NorthboundTests", dependencies: ["Northbound", "Store", "Controller", "piccolo", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["piccolo", "piccolo-soak", "Soak", "TestSupport", "Netlink", "Store", "Controller"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
