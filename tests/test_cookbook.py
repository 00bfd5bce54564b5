"""The programs of docs/cookbook, verbatim: receivers of webhooks verify the signature, and act once on a webhook that arrives twice."""

import contextlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from conftest import CLEAN, TESTS
from languages import BUILD, JNA, LANGUAGES

ROOT = TESTS.parent
COOKBOOK = ROOT / "docs" / "cookbook"
SECRET = "cookbook-secret"
EXPRESS = ROOT / "build" / "express"


def program(heading, language, number=0):
    """A program below a heading."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", (COOKBOOK / "webhooks.md").read_text(encoding="utf-8"), re.M | re.S)[1]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)[number]


def needs_module(module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed (make recipes installs it)")


def needs_language(name):
    """The built language; its environment."""
    language = LANGUAGES[name]
    if why := language.missing():
        pytest.skip(why)
    language.make_once()
    return language.variables()


def flask(directory, port):
    needs_module("flask")
    (directory / "app.py").write_text(program("Flask", "python"))
    return [sys.executable, "-m", "flask", "--app", "app", "run", "--port", port], {}


def fastapi(directory, port):
    needs_module("fastapi")
    needs_module("uvicorn")
    (directory / "app.py").write_text(program("FastAPI", "python"))
    return [sys.executable, "-m", "uvicorn", "app:app", "--port", port, "--log-level", "warning"], {}


def express(directory, port):
    environment = needs_language("node")
    if not (EXPRESS / "node_modules" / "express").is_dir():
        pytest.skip("express is not installed (make recipes installs it)")
    (directory / "app.js").write_text(program("Express", "js"))
    (directory / "node_modules").mkdir()
    (directory / "node_modules" / "eiot").symlink_to(ROOT / "bindings" / "node")
    search = [environment["NODE_PATH"], EXPRESS / "node_modules"]
    return ["node", directory / "app.js"], environment | {"NODE_PATH": ":".join(map(str, search))}


# The JDK's own server in place of Spring, and an inbox as in the program for Express.
JAVA = r"""
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.regex.*;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        Path directory = Paths.get(System.getenv("WEBHOOKS"));
        Webhooks.JsonId jsonId = body -> {
            Matcher id = Pattern.compile("\"id\": ?\"?(\\w+)").matcher(new String(body, StandardCharsets.UTF_8));
            if (!id.find()) throw new IllegalArgumentException("no id");
            return id.group(1);
        };
        Webhooks webhooks = new Webhooks(System.getenv("EIOT_SECRET"), jsonId, (id, webhook) -> {
            try {
                Files.write(directory.resolve(id), webhook.getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE_NEW);
                return true;
            } catch (FileAlreadyExistsException exists) {
                return false;
            }
        });
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 0);
        server.createContext("/webhook", exchange -> {
            int status = 500;
            try {
                status = webhooks.receive(exchange.getRequestBody().readAllBytes());
            } catch (Exception error) {
                error.printStackTrace();
            }
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
    }
}
"""


def java(directory, port):
    environment = needs_language("java")
    (directory / "Webhooks.java").write_text(program("Java", "java"))
    (directory / "Main.java").write_text(JAVA)
    classes = f"{BUILD / 'java'}:{JNA}:{directory}"
    command = ["javac", "-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp", classes, "-d", directory, "Webhooks.java", "Main.java"]
    subprocess.run(command, cwd=directory, check=True)
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", classes, "Main", port], environment


# The controller in Spring's dispatcher, whose beans Spring Boot would find by itself; it has the secret from EIOT_SECRET.
SPRING = r"""
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.AnnotatedBeanDefinitionReader;
import org.springframework.context.support.PropertySourcesPlaceholderConfigurer;
import org.springframework.http.ResponseEntity;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;
import org.springframework.web.bind.annotation.*;
import org.springframework.web.context.support.GenericWebApplicationContext;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.mvc.method.annotation.*;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        JdbcTemplate database = new JdbcTemplate(new SingleConnectionDataSource("jdbc:sqlite:" + System.getenv("DATABASE"), true));
        database.execute("CREATE TABLE IF NOT EXISTS webhooks (id TEXT PRIMARY KEY, body TEXT)");
        GenericWebApplicationContext context = new GenericWebApplicationContext();
        context.getBeanFactory().registerSingleton("database", database);
        context.getBeanFactory().registerSingleton("json", new ObjectMapper());
        new AnnotatedBeanDefinitionReader(context).register(PropertySourcesPlaceholderConfigurer.class, WebhookController.class,
                RequestMappingHandlerMapping.class, RequestMappingHandlerAdapter.class);
        ServletContextHandler handler = new ServletContextHandler();
        handler.addServlet(new ServletHolder(new DispatcherServlet(context)), "/");
        Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])));
        server.setHandler(handler);
        server.start();
    }
}

%s"""
# Debian's package of Spring 4.3 still has the names of Spring 3.
SPRING_JARS = [
    *(f"spring3-{name}" for name in ("aop", "beans", "context", "core", "expression", "jdbc", "transaction", "web", "web.servlet")),
    *(f"jetty9-{name}" for name in ("http", "io", "security", "server", "servlet", "util", "util-ajax")),
    *(f"jackson-{name}" for name in ("annotations", "core", "databind")),
    "commons-logging", "servlet-api", "sqlite-jdbc",
]  # fmt: skip
SPRING_PACKAGES = "libspring-web-servlet-java libspring-jdbc-java libjetty9-java libjackson2-databind-java libxerial-sqlite-jdbc-java"


def spring(directory, port):
    environment = needs_language("java")
    jars = [pathlib.Path(os.environ.get("EIOT_TEST_JARS", "/usr/share/java"), f"{name}.jar") for name in SPRING_JARS]
    if not all(jar.exists() for jar in jars):
        needs_debian(SPRING_PACKAGES)
    (directory / "Webhooks.java").write_text(program("Java", "java"))
    (directory / "Main.java").write_text(SPRING % program("Java", "java", 1))
    classes = ":".join(map(str, [BUILD / "java", JNA, directory, *jars]))
    subprocess.run(["javac", "-encoding", "UTF-8", "-cp", classes, "-d", directory, "Webhooks.java", "Main.java"], cwd=directory, check=True)
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", classes, "Main", port], environment


def needs_debian(packages):
    """Skips a test that needs packages of Debian 12, of which other releases do not have all."""
    asked = ["apt-get", "install", "--simulate", *packages.split()]
    is_offered = shutil.which("apt-get") and subprocess.run(asked, capture_output=True).returncode == 0
    pytest.skip(f"{packages}: not installed (apt-get install {packages})" if is_offered else f"this system does not offer {packages}")


def php(directory, port):
    environment = needs_language("php")
    handler, page = program("PHP", "php"), program("PHP", "php", 1)
    source = f"<?php\nrequire '{ROOT}/bindings/php/Eiot.php';\n{handler}\n{page}"
    (directory / "webhook.php").write_text(source)
    return ["php", "-d", "ffi.enable=true", "-S", f"127.0.0.1:{port}", "webhook.php"], environment


# An application without the files that `laravel new` makes: the route, and the configuration that it reads.
LARAVEL = r"""<?php
require 'Illuminate/autoload.php';
require '%s/bindings/php/Eiot.php';

use Illuminate\Contracts;
use Illuminate\Foundation;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Route;

$app = new Foundation\Application(__DIR__);
$app->singleton(Contracts\Http\Kernel::class, Foundation\Http\Kernel::class);
$app->singleton(Contracts\Debug\ExceptionHandler::class, Foundation\Exceptions\Handler::class);
$kernel = $app->make(Contracts\Http\Kernel::class);
$kernel->bootstrap();
DB::statement('CREATE TABLE IF NOT EXISTS webhooks (id TEXT PRIMARY KEY, body TEXT)');

%s
%s
$response = $kernel->handle($request = Request::capture())->send();
$kernel->terminate($request, $response);
"""
PROVIDERS = ", ".join(f"Illuminate\\{name}\\{name}ServiceProvider::class" for name in ("Database", "Filesystem", "View"))
LARAVEL_CONFIGURATION = {
    "app": f"['env' => 'testing', 'timezone' => 'UTC', 'aliases' => [], 'providers' => [{PROVIDERS}]]",
    "database": "['default' => 'sqlite', 'connections' => ['sqlite' => ['driver' => 'sqlite', 'database' => getenv('DATABASE')]]]",
    "services": "['eiot' => ['secret' => getenv('EIOT_SECRET')]]",
    "view": "['paths' => [], 'compiled' => sys_get_temp_dir()]",
}


def laravel(directory, port):
    environment = needs_language("php")
    asked = "exit(stream_resolve_include_path('Illuminate/Foundation/Application.php') && extension_loaded('pdo_sqlite') ? 0 : 1);"
    if subprocess.run(["php", "-r", asked]).returncode != 0:
        needs_debian("php-laravel-framework php-sqlite3")
    (directory / "config").mkdir()
    (directory / "bootstrap" / "cache").mkdir(parents=True)
    for name, values in LARAVEL_CONFIGURATION.items():
        (directory / "config" / f"{name}.php").write_text(f"<?php return {values};\n")
    (directory / "index.php").write_text(LARAVEL % (ROOT, program("PHP", "php"), program("PHP", "php", 2)))
    return ["php", "-d", "ffi.enable=true", "-S", f"127.0.0.1:{port}", "index.php"], environment


FRAMEWORKS = {"Flask": flask, "FastAPI": fastapi, "Express": express, "Java": java, "Spring": spring, "PHP": php, "Laravel": laravel}


@pytest.fixture(params=FRAMEWORKS)
def receiver(request, tmp_path):
    """A running receiver: a function that posts a body and returns the status, and one that returns the ids it has acted on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory = tmp_path / "program"
    directory.mkdir()
    (tmp_path / "seen").mkdir()
    command, more = FRAMEWORKS[request.param](directory, str(port))
    # The file is there before Laravel looks for it.
    (tmp_path / "webhooks.db").touch()
    own = {"EIOT_SECRET": SECRET, "DATABASE": str(tmp_path / "webhooks.db"), "WEBHOOKS": str(tmp_path / "seen"), "PORT": str(port)}
    server = subprocess.Popen(
        [str(word) for word in command], cwd=directory, env=CLEAN | more | own, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def post(body):
        address = f"http://127.0.0.1:{port}/webhook"
        asked = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=30) as reply:
                return reply.status
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def acted_on():
        if (tmp_path / "webhooks.db").stat().st_size:
            with contextlib.closing(sqlite3.connect(tmp_path / "webhooks.db")) as database:
                return sorted(row[0] for row in database.execute("SELECT id FROM webhooks"))
        return sorted(path.name for path in (tmp_path / "seen").iterdir())

    try:
        wait_for(port, server)
        yield post, acted_on
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def wait_for(port, server):
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    server.kill()
    raise AssertionError(server.stderr.read())


def signed(event, secret=SECRET):
    command = [os.environ["EIOT_SIM"], "--sign-webhook", "--secret", secret]
    done = subprocess.run(command, input=json.dumps(event), capture_output=True, text=True, check=True)
    return done.stdout.strip().encode()


def test_webhook_receiver_verifies_the_signature_and_acts_once(receiver):
    post, acted_on = receiver
    event = {"id": "1001", "eid": "89044011112233441122334411223321", "message": "用量已更新"}
    webhook = signed(event)
    # Nothing of this is the platform's.
    assert post(json.dumps(event).encode()) == 401
    assert post(signed(event, "another-secret")) == 401
    assert post(webhook.replace(b"3321", b"3322")) == 401
    assert post(b"{") == 401 and post(b"\xff") == 401
    # Spring refuses an empty body by itself.
    assert post(b"") in (400, 401)
    assert post(signed(event | {"timestamp": 1700000000})) == 401
    assert acted_on() == []
    # The platform may send a webhook more than once, and another one for the same card.
    assert post(webhook) == 200
    assert acted_on() == ["1001"]
    assert post(webhook) == 200 and post(signed(event)) == 200
    assert acted_on() == ["1001"]
    assert post(signed(event | {"id": "1002"})) == 200
    # A number that a double cannot hold.
    assert post(signed(event | {"id": 9007199254740993})) == 200
    assert acted_on() == ["1001", "1002", "9007199254740993"]


def test_cookbook_has_the_same_programs_in_both_languages():
    for page in COOKBOOK.glob("*.zh.md"):
        english = page.with_name(page.name.replace(".zh.md", ".md"))
        programs = [re.findall(r"```\w+\n.*?```", one.read_text(encoding="utf-8"), re.S) for one in (english, page)]
        assert programs[0] == programs[1], page


def test_cookbook_for_spring_and_laravel_calls_what_is_tested():
    assert "webhooks.receive(body)" in program("Java", "java", 1) and "public int receive(byte[] body)" in program("Java", "java")
    assert "receiveWebhook($request->getContent()" in program("PHP", "php", 2)
    assert "function receiveWebhook(string $body, string $secret, callable $record): int" in program("PHP", "php")


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed (on Debian: apt-get install php-cli)")
def test_cookbook_for_laravel_is_valid_php(tmp_path):
    (tmp_path / "route.php").write_text("<?php\n" + program("PHP", "php", 2))
    subprocess.run(["php", "-l", tmp_path / "route.php"], check=True, capture_output=True)
