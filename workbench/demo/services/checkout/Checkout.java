import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Checkout: prices a cart and has it paid. The HTTP server's pool reads a request and hands it to a second pool, which
 * calls the catalog for all items in parallel, then payments, and answers: the thread that received a request is not
 * the one that calls or answers.
 */
public final class Checkout {
  private static final String DOMAIN = System.getenv("SHOP_DOMAIN");
  private static final String CATALOG = "http://catalog." + DOMAIN + ":8080";
  private static final String PAYMENTS = "http://payments." + DOMAIN + ":8080";
  private static final int MAX_ITEMS = 8;
  private static final Pattern CART = Pattern.compile("\"cart\"\\s*:\\s*\"([\\w-]{1,40})\"");
  private static final Pattern ITEMS = Pattern.compile("\"items\"\\s*:\\s*\\[([\\d,\\s]{1,100})\\]");
  private static final Pattern PRICE = Pattern.compile("\"priceCents\"\\s*:\\s*(\\d{1,9})");
  private static final Pattern QUANTITY = Pattern.compile("\"quantity\"\\s*:\\s*(\\d{1,9})");

  private final ExecutorService receivers = Executors.newFixedThreadPool(8, named("receiver"));
  private final ExecutorService workers = Executors.newFixedThreadPool(32, named("worker"));
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .executor(Executors.newFixedThreadPool(4, named("client")))
          .build();
  private final Control control = new Control();

  /** What has to travel with a request so that the next service can name it. */
  private record Context(String requestId, String truth) {}

  private record Answer(int status, String body) {}

  private static final class Refused extends RuntimeException {
    final int status;

    Refused(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  public static void main(String[] arguments) throws IOException {
    new Checkout().start();
  }

  private void start() throws IOException {
    control.serve("control/checkout.sock");
    HttpServer server = HttpServer.create(new InetSocketAddress("0.0.0.0", 8080), 256);
    server.setExecutor(receivers);
    server.createContext("/", this::receive);
    server.start();
  }

  private void receive(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readNBytes(65536), StandardCharsets.UTF_8);
    workers.execute(() -> respond(exchange, body));
  }

  private void respond(HttpExchange exchange, String body) {
    String method = exchange.getRequestMethod();
    String path = exchange.getRequestURI().getPath();
    Context context =
        new Context(
            exchange.getRequestHeaders().getFirst("X-Request-ID"), exchange.getRequestHeaders().getFirst("x-truth"));
    Answer answer;
    try {
      answer =
          method.equals("POST") && path.equals("/checkout")
              ? checkout(body, context)
              : new Answer(404, "{\"error\":\"no such path\"}");
    } catch (Refused refused) {
      answer = new Answer(refused.status, "{\"error\":\"" + refused.getMessage() + "\"}");
    }
    control.received(method + " " + path, answer.status());
    try (exchange) {
      byte[] bytes = answer.body().getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      if (context.requestId() != null) {
        exchange.getResponseHeaders().set("X-Request-ID", context.requestId());
      }
      exchange.sendResponseHeaders(answer.status(), bytes.length);
      OutputStream stream = exchange.getResponseBody();
      stream.write(bytes);
      stream.close();
    } catch (IOException gone) {
      System.err.println("answer to " + method + " " + path + " not sent: " + gone);
    }
  }

  private Answer checkout(String body, Context context) {
    String cart = find(CART, body, 400, "the body has no cart");
    List<CompletableFuture<String>> prices = new ArrayList<>();
    List<CompletableFuture<String>> stocks = new ArrayList<>();
    for (String item : find(ITEMS, body, 400, "the body has no items").split(",")) {
      if (prices.size() == MAX_ITEMS) {
        throw new Refused(400, "more than " + MAX_ITEMS + " items");
      }
      prices.add(get("catalog GET /products/{id}", CATALOG + "/products/" + item.strip(), context));
      stocks.add(get("catalog GET /stock/{id}", CATALOG + "/stock/" + item.strip(), context));
    }
    long amountCents = 0;
    for (CompletableFuture<String> price : prices) {
      amountCents += Long.parseLong(find(PRICE, await(price), 502, "the catalog gave no price"));
    }
    for (CompletableFuture<String> stock : stocks) {
      if (find(QUANTITY, await(stock), 502, "the catalog gave no quantity").equals("0")) {
        throw new Refused(409, "sold out");
      }
    }
    String payment =
        await(
            send(
                "payments POST /payments",
                request(PAYMENTS + "/payments", context)
                    .header("Content-Type", "application/json")
                    .POST(
                        HttpRequest.BodyPublishers.ofString(
                            "{\"cart\":\"" + cart + "\",\"amountCents\":" + amountCents + "}"))));
    return new Answer(
        201, "{\"cart\":\"" + cart + "\",\"amountCents\":" + amountCents + ",\"payment\":" + payment + "}");
  }

  private CompletableFuture<String> get(String call, String url, Context context) {
    return send(call, request(url, context).GET());
  }

  private static HttpRequest.Builder request(String url, Context context) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(10));
    if (context.requestId() != null) {
      builder.header("X-Request-ID", context.requestId());
    }
    if (context.truth() != null) {
      builder.header("x-truth", context.truth());
    }
    return builder;
  }

  private CompletableFuture<String> send(String call, HttpRequest.Builder request) {
    return client
        .sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
        .handle(
            (response, failure) -> {
              if (failure != null) {
                Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                control.called(call, cause.getClass().getSimpleName());
                System.err.println(call + ": " + cause);
                throw new Refused(502, call + " failed");
              }
              control.called(call, Integer.toString(response.statusCode()));
              if (response.statusCode() >= 400) {
                int status = response.statusCode() == 503 ? 503 : 502;
                throw new Refused(status, call + " answered " + response.statusCode());
              }
              return response.body();
            });
  }

  private static String await(CompletableFuture<String> call) {
    try {
      return call.join();
    } catch (CompletionException failed) {
      throw failed.getCause() instanceof Refused refused ? refused : failed;
    }
  }

  private static String find(Pattern pattern, String text, int status, String otherwise) {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new Refused(status, otherwise);
    }
    return matcher.group(1);
  }

  private static java.util.concurrent.ThreadFactory named(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(false);
      return thread;
    };
  }
}
