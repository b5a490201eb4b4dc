// SPDX-License-Identifier: Apache-2.0
import Foundation
import PackagePlugin

/// Compiles the BPF programs a target asks for with the Swift toolchain's clang and embeds them as Swift source.
///
/// A target that uses the plug-in lists its programs in `bpf-programs.txt` in its own folder, one path per line,
/// relative to the package. Each becomes `enum <Name>Object` (see `BPFEmbed`).
@main
struct CompileBPF: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let package = context.package.directoryURL
        let list = target.directoryURL.appending(path: "bpf-programs.txt")
        let sources = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") && !$0.isEmpty }
        let include = package.appending(path: "bpf/include")
        func headers(in folder: URL) throws -> [URL] {
            try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.pathExtension == "h" }
                .sorted { $0.path < $1.path }
        }
        // Test programs include the product's.
        let programs = try FileManager.default.contentsOfDirectory(
            at: package.appending(path: "bpf"), includingPropertiesForKeys: nil
        ).filter { $0.path.hasSuffix(".bpf.c") }.sorted { $0.path < $1.path }
        let shared = try headers(in: include) + programs
        let clang = try context.tool(named: "clang").url
        let embed = try context.tool(named: "BPFEmbed").url
        #if arch(arm64)
        let (architecture, multiarch) = ("arm64", "aarch64-linux-gnu")
        #else
        let (architecture, multiarch) = ("x86", "x86_64-linux-gnu")
        #endif
        return try sources.map { (path) -> Command in
            let source = package.appending(path: path)
            let stem = source.deletingPathExtension().deletingPathExtension().lastPathComponent
            let near = try headers(in: source.deletingLastPathComponent())
            // Declared as an output, the object would become a resource bundle of the target, and bring Foundation.
            let object = context.pluginWorkDirectoryURL.appending(path: "\(stem).bpf.o")
            let swift = context.pluginWorkDirectoryURL.appending(path: "\(stem)Object.swift")
            return .buildCommand(
                displayName: "Compiling and embedding \(path)", executable: embed,
                arguments: [
                    stem, object.path(percentEncoded: false), swift.path(percentEncoded: false),
                    clang.path(percentEncoded: false),
                    "-target", "bpf", "-mcpu=v3", "-g", "-O2", "-Wall", "-Werror", "-std=gnu17",
                    "-D__TARGET_ARCH_\(architecture)", "-I", include.path(percentEncoded: false),
                    // Debian keeps <asm/types.h> in the multiarch folder, which this target does not search.
                    "-idirafter", "/usr/include/\(multiarch)",
                    // Paths of the machine that compiles have no place in what it embeds.
                    "-ffile-prefix-map=\(package.path(percentEncoded: false))=",
                    "-c", source.path(percentEncoded: false), "-o", object.path(percentEncoded: false),
                ],
                inputFiles: [source] + (shared + near).filter { $0.path != source.path }, outputFiles: [swift])
        }
    }
}
