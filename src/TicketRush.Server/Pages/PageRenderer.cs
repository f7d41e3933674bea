using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace TicketRush.Server.Pages;

/// <summary>Renders a page to bytes, whole: a page that fails half-way is never sent.</summary>
public sealed class PageRenderer(IServiceProvider services, ILoggerFactory logs)
{
    public async Task<byte[]> RenderAsync<TPage, TModel>(Visit visit, TModel model)
        where TPage : Page<TModel>
    {
        await using var renderer = new HtmlRenderer(services, logs);
        return await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var root = await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(new Dictionary<string, object?>
            {
                [nameof(Page<TModel>.Visit)] = visit,
                [nameof(Page<TModel>.Model)] = model,
            }));
            using var bytes = new MemoryStream(16 * 1024);
            await using (var writer = new StreamWriter(bytes, new UTF8Encoding(false), 4096, leaveOpen: true)) root.WriteHtmlTo(writer);
            return bytes.ToArray();
        });
    }
}
