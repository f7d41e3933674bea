using System.Net.Sockets;
using System.Text;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>Runs alone: it counts what the whole process allocates.</summary>
[Collection(nameof(Alone))]
public sealed class MemoryTests
{
    [Theory]
    [Trait("Statement", "S18")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_of_nine_megabytes_is_refused_before_it_is_read(bool chunked)
    {
        await using var server = await RunningServer.StartAsync();
        var sale = await server.OpenSaleAsync();
        var part = Encoding.ASCII.GetBytes(new string(' ', 64 * 1024));
        foreach (var path in new[] { sale, $"{sale}/holds/{Plans.NewId()}" })
        {
            var (allocated, started) = (GC.GetTotalAllocatedBytes(), Environment.TickCount64);
            using var socket = new TcpClient();
            await socket.ConnectAsync(server.Url.Host, server.Url.Port);
            var stream = socket.GetStream();
            var framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: 9437184";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {RunningServer.Key}\r\nContent-Type: "
                    + $"application/json\r\n{framing}\r\n\r\n"));
            try
            {
                for (var i = 0; i < 144; i++)
                {
                    if (chunked) await stream.WriteAsync("10000\r\n"u8.ToArray());
                    await stream.WriteAsync(part);
                    if (chunked) await stream.WriteAsync("\r\n"u8.ToArray());
                }
            }
            catch (IOException)
            {
                // Refused before all of it was sent, as it should be.
            }

            var buffer = new byte[4096];
            var read = 0;
            try
            {
                read = await stream.ReadAsync(buffer);
            }
            catch (IOException)
            {
                // The reset overtook the answer, which who sends on after a refusal must expect.
            }

            if (read > 0) Assert.StartsWith("HTTP/1.1 413", Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
            Assert.InRange(GC.GetTotalAllocatedBytes() - allocated, 0, 20_000_000);
            Assert.InRange(Environment.TickCount64 - started, 0, 10_000);
        }

        Assert.Equal(3, await server.SequenceAsync(sale));
    }
}
